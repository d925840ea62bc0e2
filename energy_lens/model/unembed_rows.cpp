#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {

at::Tensor logits_of_rows(const Model& model, const at::Tensor& rows) {
  // After the last block rows no longer see each other: any of them make a sequence, and its ids are not read.
  const TokenBatch batch{at::zeros({1, rows.size(0)}, at::kLong), {rows.size(0)}};
  return model.forward_from(model.config().n_layers, rows.unsqueeze(0), batch).logits[0];
}

}  // namespace energy_lens
