// The arithmetic of a transformer block on rows, shared by every family and by both ways of running (fixed blocks of 64
// rows, or whole tensors with autograd). Streams are fp32 whatever the weights' type.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "energy_lens/model/config.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

// (x - mean) / sqrt(var + eps) over the last axis for LayerNorm; x / sqrt(mean(x^2) + eps) for RmsNorm.
at::Tensor normalize(const at::Tensor& x, NormKind kind, double eps);

// normalize(x) * gamma + beta. Absent weights: x itself.
at::Tensor apply_norm(const at::Tensor& x, const ModelConfig& config, const NormWeights& norm);

// x [R, In] @ w [In, Out] + b [Out] -> fp32 [R, Out], computed in w's dtype.
at::Tensor apply_affine(const at::Tensor& x, const AffineWeights& affine);

// c tanh(x / c); x itself for c = 0.
at::Tensor soft_capped(const at::Tensor& x, double cap);

// config.json's activation by name. Errors: BadInput listing the known ones.
using Activation = at::Tensor (*)(const at::Tensor&);
Activation activation_named(const std::string& name);

// unit [R, D] fp32 or fp64 (the stream after the final norm, before gamma) -> logits [R, V] of that type.
at::Tensor unembed_rows(const at::Tensor& unit, const Unembed& unembed);

}  // namespace energy_lens
