// The lens along one text: every chosen layer at every token that has a next one, checked against the model's own loss.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/lens/energy.h"
#include "energy_lens/model/model.h"

namespace energy_lens {

struct TextLens {
  std::vector<at::Tensor> resid;  // [T - 1, D] a layer: the stream the lens read
  std::vector<LensRows> rows;     // [T - 1] rows a layer
  std::vector<double> nll;        // [T - 1] the model's own -log p(ids[t + 1] | ids[0..t]), from its logits in fp64
  double last_layer_difference = 0.0;  // max |E^L - nll|

  // Mean nll, whose exp is the perplexity: over every token that has one before it, be that a BOS.
  double mean_nll() const;
};

// ids: T >= 2 tokens; layers: 0..L, in any order. p^L of cross-entropy, KL, depth descent and expected gradients is
// the model's own whether L is asked for or not.
// Errors: BadInput (fewer than two tokens), Usage (layer), and Internal should E^L leave the model's loss by more than
// fp32 rounding: then the lens does not describe this model and no number of it can be trusted.
TextLens lens_of_text(const Model& model, const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& layers,
                      const LensOptions& options = {});

}  // namespace energy_lens
