// What is known of a prompt before anything is generated: the baselines any attractor feature has to beat.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>

#include "energy_lens/model/model.h"

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

// last: [T, D] the model's stream after the last block on the prompt's T tokens. Errors: BadInput (no tokens, shapes).
PromptFeatures prompt_features(const Model& model, std::span<const std::int64_t> tokens, const at::Tensor& last);

}  // namespace energy_lens
