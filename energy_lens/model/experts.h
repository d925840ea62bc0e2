// Mixture of experts (Shazeer et al. 1701.06538; Mixtral, Jiang et al. 2401.04088; Qwen-MoE): each row goes through the
// gated MLPs of its k likeliest experts, weighted by the router's softmax over all of them, and through an expert that
// all rows share where there is one.
//
// hook_post of such a layer is the product's input, so that the layer stays one matrix behind it: [R, M] with
// M = E Me + Ms, expert by expert weight * act(x W_gate) * (x W_up), zero where a row does not go, the shared expert
// last. Without autograd on the CPU a row's bits depend on no other row; call it with kExpertRows at most, inside a
// parallel region.
#pragma once
#include <ATen/ATen.h>

#include "energy_lens/model/config.h"
#include "energy_lens/model/layers.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

// hook_post is wide: so many rows of it stand in memory at once.
inline constexpr std::int64_t kExpertRows = 64;

// M of hook_post in a layer with experts.
std::int64_t experts_width(const ExpertConfig& config);

// [R, E] fp32: the router's softmax for each row's k likeliest experts (the lower index among equals), 0 for the
// others; divided by their sum where config.normalized. x [R, D] after the norm.
at::Tensor routing_weights(const at::Tensor& x, const ExpertConfig& config, const ExpertWeights& experts);

// x [R, D] after the norm -> hook_post [R, M].
at::Tensor expert_activations(const at::Tensor& x, const ModelConfig& config, const ExpertWeights& experts);

// hook_post [R, M] -> [R, D]. Experts to which a row sends nothing are left out, unless `every_expert`: for a gradient
// with respect to what they might be sent.
at::Tensor expert_outputs(const at::Tensor& post, const ModelConfig& config, const ExpertWeights& experts,
                          bool every_expert = false);

}  // namespace energy_lens
