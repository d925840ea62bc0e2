#include "energy_lens/attractor/prompt_features.h"

#include <algorithm>
#include <unordered_set>

#include "energy_lens/core/error.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {
namespace {

// The next position's logits [V].
void add_position(PromptFeatures& features, const at::Tensor& logits) {
  const at::Tensor log_p = logits.to(at::kDouble).log_softmax(0);
  features.last_entropy = -(log_p.exp() * log_p).sum().item<double>();
  const at::Tensor largest = std::get<0>(log_p.topk(2));
  features.last_margin = (largest[0] - largest[1]).item<double>();
  features.mean_entropy += features.last_entropy / features.length;
  features.mean_margin += features.last_margin / features.length;
}

}  // namespace

PromptFeatures prompt_features(const Model& model, std::span<const std::int64_t> tokens, const at::Tensor& last) {
  check_shape("prompt_features", "last", last, {{"T", std::ssize(tokens)}, {"D", model.config().d_model}});
  if (tokens.empty()) fail(ErrorKind::BadInput, "prompt_features", "got no tokens, expected at least 1");
  PromptFeatures result;
  result.length = static_cast<double>(tokens.size());
  const std::unordered_set<std::int64_t> distinct(tokens.begin(), tokens.end());
  result.repetition = 1.0 - static_cast<double>(distinct.size()) / result.length;
  result.induction = std::ranges::count(tokens, tokens.back()) > 1 ? 1.0 : 0.0;
  for_logits_of_rows(model, last, [&](std::int64_t, const at::Tensor& logits) {
    for (std::int64_t t = 0; t < logits.size(0); ++t) add_position(result, logits[t]);
  });
  return result;
}

}  // namespace energy_lens
