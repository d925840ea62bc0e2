// The tensors of one model, in the one layout that every family loads into.
#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "energy_lens/model/model.h"

namespace energy_lens {

struct NormWeights {
  at::Tensor gamma, beta;  // fp32; beta undefined where there is none, both where the norm itself is absent
};

struct AffineWeights {
  at::Tensor w, b;  // [in, out], of any strides; [out], undefined without a bias
};

struct GatedWeights {
  AffineWeights in;   // D -> 2 Me, gate before up
  AffineWeights out;  // Me -> D
};

struct ExpertWeights {
  AffineWeights router;              // D -> E, fp32
  std::vector<GatedWeights> routed;  // E
  GatedWeights shared;               // of width Ms
  AffineWeights shared_gate;         // D -> 1, fp32; undefined without a shared expert
};

struct BlockWeights {
  NormWeights attn_norm, mlp_norm;            // [D] before attention and MLP
  NormWeights attn_post_norm, mlp_post_norm;  // [D] on what attention and MLP give back
  NormWeights q_norm, k_norm;                 // [Dh] each head, or [H Dh] the whole projection
  AffineWeights qkv;                          // D -> H Dh + 2 Hkv Dh: queries, keys, values
  AffineWeights out;                          // H Dh -> D
  AffineWeights in;                           // D -> M; gated: D -> 2 M, gate before up
  AffineWeights mlp_out;                      // M -> D
  ExpertWeights experts;                      // in place of in and mlp_out where ExpertConfig says so
};

struct ModelWeights {
  at::Tensor embed;      // [V, D]
  at::Tensor pos_embed;  // [position_offset + n_ctx, D], undefined without learned positions
  std::vector<BlockWeights> blocks;
  Unembed unembed;
};

// Calls visit(at::Tensor&) for every member, defined or not.
template <class Block, class Visitor>
void visit_block_tensors(Block& block, Visitor&& visit) {
  for (auto* norm :
       {&block.attn_norm, &block.mlp_norm, &block.attn_post_norm, &block.mlp_post_norm, &block.q_norm, &block.k_norm}) {
    visit(norm->gamma);
    visit(norm->beta);
  }
  const auto visit_affine = [&](auto& affine) {
    visit(affine.w);
    visit(affine.b);
  };
  const auto visit_gated = [&](auto& mlp) {
    visit_affine(mlp.in);
    visit_affine(mlp.out);
  };
  for (auto* affine : {&block.qkv, &block.out, &block.in, &block.mlp_out}) visit_affine(*affine);
  auto& experts = block.experts;
  visit_affine(experts.router);
  for (auto& routed : experts.routed) visit_gated(routed);
  visit_gated(experts.shared);
  visit_affine(experts.shared_gate);
}

// Calls visit(tensor) once for every defined tensor, shared ones once.
void visit_tensors(const ModelWeights& weights, const std::function<void(const at::Tensor&)>& visit);

}  // namespace energy_lens
