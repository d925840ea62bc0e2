#include "energy_lens/attractor/prompt_features.h"

#include <algorithm>
#include <unordered_set>

#include "energy_lens/core/error.h"
#include "energy_lens/core/shape.h"

namespace energy_lens {

PromptFeatures prompt_features(std::span<const std::int64_t> tokens, const at::Tensor& logits) {
  const auto length = static_cast<std::int64_t>(tokens.size());
  check_shape("prompt_features", "logits", logits, {{"T", length}, {"V"}});
  if (length == 0 || logits.size(1) < 2) {
    fail(ErrorKind::BadInput, "prompt_features",
         "got " + std::to_string(length) + " tokens and " + std::to_string(logits.size(1)) +
             " logits a position, expected at least 1 and 2");
  }
  PromptFeatures result;
  result.length = static_cast<double>(length);
  const std::unordered_set<std::int64_t> distinct(tokens.begin(), tokens.end());
  result.repetition = 1.0 - static_cast<double>(distinct.size()) / result.length;
  result.induction = std::ranges::count(tokens, tokens.back()) > 1 ? 1.0 : 0.0;
  for (std::int64_t t = 0; t < length; ++t) {
    const at::Tensor log_p = logits[t].to(at::kDouble).log_softmax(0);
    result.last_entropy = -(log_p.exp() * log_p).sum().item<double>();
    const at::Tensor largest = std::get<0>(log_p.topk(2));
    result.last_margin = (largest[0] - largest[1]).item<double>();
    result.mean_entropy += result.last_entropy / result.length;
    result.mean_margin += result.last_margin / result.length;
  }
  return result;
}

}  // namespace energy_lens
