#include "energy_lens/model/unembed_rows.h"

#include <algorithm>

namespace energy_lens {

at::Tensor logits_of_rows(const Model& model, const at::Tensor& rows) {
  // After the last block rows no longer see each other: any of them make a sequence, and its ids are not read.
  const TokenBatch batch{at::zeros({1, rows.size(0)}, at::kLong), {rows.size(0)}};
  return model.forward_from(model.config().n_layers, rows.unsqueeze(0), batch).logits[0];
}

void for_logits_of_rows(const Model& model, const at::Tensor& rows,
                        const std::function<void(std::int64_t begin, const at::Tensor& logits)>& take) {
  const std::int64_t at_once = std::min(kLogitRows, model.config().n_ctx);
  for (std::int64_t begin = 0; begin < rows.size(0); begin += at_once) {
    take(begin, logits_of_rows(model, rows.narrow(0, begin, std::min(at_once, rows.size(0) - begin))));
  }
}

}  // namespace energy_lens
