// One run of the blocks over one batch: the residual stream as it passes every hook site.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

#include "energy_lens/model/attention.h"
#include "energy_lens/model/layers.h"
#include "energy_lens/model/model.h"
#include "energy_lens/model/rotary.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

// Two ways of running, the same arithmetic:
//   * blocks (the default): sequences are padded to a multiple of 64 tokens, and every product is made in blocks of 64
//     rows of one sequence, so that a row's bits depend on neither batch, padding nor threads;
//   * whole tensors, where autograd must see the operators or a KV cache is in use.
class ForwardPass {
 public:
  ForwardPass(const ModelConfig& config, const ModelWeights& weights, const TokenBatch& batch,
              const ForwardOptions& options);

  at::Tensor embed();                                              // [B, T, D] resid_pre.0
  at::Tensor run_blocks(std::int64_t first_layer, at::Tensor resid);  // [B, T, D] -> stream after the last block
  at::Tensor unembed(const at::Tensor& resid);                     // [B, T, D] -> logits [B, T, V]

 private:
  using RowFunction = std::function<at::Tensor(const at::Tensor&)>;
  at::Tensor map_rows(const at::Tensor& x, std::int64_t width, const RowFunction& function) const;
  at::Tensor pad(const at::Tensor& x) const;       // [B, T, ...] -> [B, Tp, ...]
  at::Tensor trim(const at::Tensor& x) const;      // [B, Tp, ...] -> [B, T, ...]
  void visit(Site site, std::int64_t layer, at::Tensor& value, std::int64_t token_axis = 1);
  bool watched(Site site, std::int64_t layer) const;
  at::Tensor learned_positions() const;
  at::Tensor block(std::int64_t layer, const at::Tensor& resid);
  at::Tensor attention(std::int64_t layer, const at::Tensor& resid);
  at::Tensor mlp(std::int64_t layer, const at::Tensor& resid);
  at::Tensor mixture(std::int64_t layer, const at::Tensor& resid);
  at::Tensor attend(std::int64_t layer, at::Tensor q, at::Tensor k, at::Tensor v);
  at::Tensor attend_in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const AttentionRule& rule) const;
  at::Tensor norm_heads(const at::Tensor& x, const NormWeights& norm) const;
  AttentionRule rule_of(std::int64_t layer) const;
  void extend_cache(std::int64_t layer, at::Tensor& k, at::Tensor& v) const;

  const ModelConfig& config_;
  const ModelWeights& weights_;
  const TokenBatch& batch_;
  const ForwardOptions& options_;
  Activation activation_;
  bool whole_;
  std::int64_t tokens_, padded_, past_;
  std::vector<RotaryTable> rotary_;  // one a RotaryConfig
};

}  // namespace energy_lens
