// What is known of a prompt before anything is generated: the baselines any attractor feature has to beat.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>

namespace energy_lens {

struct PromptFeatures {
  double length = 0.0;        // tokens
  double repetition = 0.0;    // 1 - distinct tokens / tokens
  double induction = 0.0;     // 1 if the last token occurred before
  double mean_entropy = 0.0;  // nats, over positions
  double last_entropy = 0.0;  // nats, at the last position
  double mean_margin = 0.0;   // largest minus second largest logit, over positions
  double last_margin = 0.0;
};

// logits: [T, V] of the model on the prompt's T tokens, V >= 2. Errors: BadInput (no tokens, shapes).
PromptFeatures prompt_features(std::span<const std::int64_t> tokens, const at::Tensor& logits);

}  // namespace energy_lens
