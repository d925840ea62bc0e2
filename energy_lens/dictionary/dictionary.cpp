#include "energy_lens/dictionary/dictionary.h"

#include "energy_lens/core/shape.h"

namespace energy_lens {

at::Tensor decode(const at::Tensor& atoms, const at::Tensor& mean, const SparseCodes& codes) {
  at::Tensor x = mean.unsqueeze(0).repeat({codes.atoms.size(0), 1});
  for (std::int64_t slot = 0; slot < codes.atoms.size(1); ++slot) {
    // An empty slot has value 0, so whatever atom it reads adds nothing.
    const at::Tensor rows = atoms.index_select(0, codes.atoms.select(1, slot).clamp_min(0));
    x += rows * codes.values.select(1, slot).unsqueeze(-1);
  }
  return x;
}

at::Tensor decode(const Dictionary& dictionary, const SparseCodes& codes) {
  return decode(dictionary.atoms(), dictionary.mean(), codes);
}

at::Tensor dense_codes(const SparseCodes& codes, std::int64_t n_atoms) {
  at::Tensor dense = at::zeros({codes.atoms.size(0), n_atoms}, codes.values.options());
  return dense.scatter_add_(1, codes.atoms.clamp_min(0), codes.values);
}

}  // namespace energy_lens
