// One run of the blocks on the CPU without autograd: the row kernels on the real tokens of the batch, packed without
// padding. A row's bits depend on neither the batch, padding, threads nor on how many of its tokens a KV cache holds.
// ForwardPass is the same arithmetic in plain tensor operators, and what this one is tested against.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/kernels/row_operations.h"
#include "energy_lens/model/layers.h"
#include "energy_lens/model/model.h"
#include "energy_lens/model/rotary.h"
#include "energy_lens/model/row_layout.h"
#include "energy_lens/model/row_workspace.h"
#include "energy_lens/model/site_visits.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

class RowPass {
 public:
  RowPass(const ModelConfig& config, const ModelWeights& weights, const TokenBatch& batch,
          const ForwardOptions& options);

  at::Tensor embed();                                                        // [B, T, D] resid_pre.0
  at::Tensor run_blocks(std::int64_t first_layer, const at::Tensor& resid);  // [B, T, D] -> stream after the last block
  at::Tensor unembed(const at::Tensor& resid);                               // [B, T, D] -> logits [B, T, V]

 private:
  // Every tensor below is [R, width].
  void visit(Site site, std::int64_t layer, const at::Tensor& rows) const;  // an editor's change is written to rows
  void visit_heads(Site site, std::int64_t layer, const at::Tensor& rows) const;
  void block(std::int64_t layer, at::Tensor& resid, at::Tensor& spare);
  at::Tensor norm(const at::Tensor& x, const NormWeights& norm);
  at::Tensor attention(std::int64_t layer, const at::Tensor& normed);
  at::Tensor mlp(std::int64_t layer, const at::Tensor& normed);
  void mlp_rows(std::int64_t layer, const at::Tensor& normed, const at::Tensor& out);
  at::Tensor mixture(std::int64_t layer, const at::Tensor& normed);
  at::Tensor finished(const at::Tensor& out, const NormWeights& post_norm, Site site, std::int64_t layer) const;
  void prepare_heads(std::int64_t layer, const at::Tensor& q, const at::Tensor& k) const;
  void norm_heads(const at::Tensor& x, const NormWeights& norm) const;
  void rotate_heads(std::int64_t layer, const at::Tensor& x) const;
  void attend(std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& z);
  void visit_pattern(std::int64_t layer, const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                     const at::Tensor& z) const;
  at::Tensor by_head(const at::Tensor& rows) const;  // [R, H Dh] -> [B, H, T, Dh]

  const ModelConfig& config_;
  const ModelWeights& weights_;
  const TokenBatch& batch_;
  const ForwardOptions& options_;
  const RowKernels& kernels_;
  const Activation activation_;
  const SiteVisits visits_;
  const RowLayout layout_;
  const std::int64_t past_;
  RowWorkspace workspace_;
  std::vector<RotaryTable> rotary_;  // one a RotaryConfig
};

}  // namespace energy_lens
