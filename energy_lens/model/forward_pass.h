// One run of the blocks in tensor operators: where autograd must see them, and on accelerators. On the CPU without
// autograd RowPass does the same by the row kernels and is tested against this.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/model/attention.h"
#include "energy_lens/model/layers.h"
#include "energy_lens/model/model.h"
#include "energy_lens/model/rotary.h"
#include "energy_lens/model/site_visits.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

class ForwardPass {
 public:
  ForwardPass(const ModelConfig& config, const ModelWeights& weights, const TokenBatch& batch,
              const ForwardOptions& options);

  at::Tensor embed();                                                 // [B, T, D] resid_pre.0
  at::Tensor run_blocks(std::int64_t first_layer, at::Tensor resid);  // [B, T, D] -> stream after the last block
  at::Tensor unembed(const at::Tensor& resid);                        // [B, T, D] -> logits [B, T, V]

 private:
  void visit(Site site, std::int64_t layer, at::Tensor& value) const;
  at::Tensor block(std::int64_t layer, const at::Tensor& resid);
  at::Tensor attention(std::int64_t layer, const at::Tensor& resid);
  at::Tensor mlp(std::int64_t layer, const at::Tensor& resid);
  at::Tensor mixture(std::int64_t layer, const at::Tensor& resid);
  at::Tensor attend(std::int64_t layer, at::Tensor q, at::Tensor k, at::Tensor v);
  at::Tensor norm_heads(const at::Tensor& x, const NormWeights& norm) const;
  at::Tensor learned_positions() const;
  AttentionRule rule_of(std::int64_t layer) const;

  const ModelConfig& config_;
  const ModelWeights& weights_;
  const TokenBatch& batch_;
  const ForwardOptions& options_;
  const Activation activation_;
  const SiteVisits visits_;
  const std::int64_t tokens_, past_;
  std::vector<RotaryTable> rotary_;  // one a RotaryConfig
};

}  // namespace energy_lens
