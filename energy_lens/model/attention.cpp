#include "energy_lens/model/attention.h"

#include <limits>

#include "energy_lens/model/layers.h"

namespace energy_lens {

at::Tensor shared_heads(const at::Tensor& x, std::int64_t heads) {
  return x.size(-3) == heads ? x : x.repeat_interleave(heads / x.size(-3), -3);
}

at::Tensor attention_pattern(const at::Tensor& q, const at::Tensor& k, std::int64_t first_query,
                             const AttentionRule& rule) {
  const at::Tensor keys = shared_heads(k, q.size(-3));
  const at::Tensor scores = soft_capped(at::matmul(q, keys.transpose(-2, -1)) * rule.scale, rule.soft_cap);
  const auto options = at::TensorOptions().dtype(at::kLong).device(q.device());
  const at::Tensor positions = at::arange(k.size(-2), options);
  const at::Tensor queries = at::arange(first_query, first_query + q.size(-2), options).unsqueeze(1);
  at::Tensor hidden = positions > queries;
  if (rule.window > 0) hidden = hidden | (positions <= queries - rule.window);
  return at::softmax(scores.masked_fill(hidden, -std::numeric_limits<float>::infinity()), -1);
}

}  // namespace energy_lens
