#include "energy_lens/model/row_layout.h"

namespace energy_lens {

RowLayout::RowLayout(const TokenBatch& batch) : tokens_(batch.ids.size(1)) {
  for (const std::int64_t length : batch.lengths) {
    first_.push_back(first_.back() + length);
    full_ = full_ && length == tokens_;
    for (std::int64_t token = 0; token < length; ++token) token_.push_back(token);
  }
}

at::Tensor RowLayout::packed(const at::Tensor& padded) const {
  if (full_) return padded.flatten(0, 1);
  std::vector<at::Tensor> parts;
  for (std::int64_t b = 0; b < sequences(); ++b) parts.push_back(padded[b].narrow(0, 0, length(b)));
  return at::cat(parts);
}

at::Tensor RowLayout::padded(const at::Tensor& rows) const {
  if (full_) return rows.unflatten(0, {sequences(), tokens_});
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape[0] = tokens_;
  shape.insert(shape.begin(), sequences());
  at::Tensor result = at::zeros(shape, rows.options());
  for (std::int64_t b = 0; b < sequences(); ++b) {
    result[b].narrow(0, 0, length(b)).copy_(rows.narrow(0, first(b), length(b)));
  }
  return result;
}

}  // namespace energy_lens
