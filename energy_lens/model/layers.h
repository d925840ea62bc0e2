// The arithmetic of a transformer block in tensor operators, shared by every family. Streams are fp32 whatever the
// weights' type.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

#include "energy_lens/kernels/torch_free/row_kernels.h"
#include "energy_lens/model/config.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

// (x - mean) / sqrt(var + eps) over the last axis for LayerNorm; x / sqrt(mean(x^2) + eps) for RmsNorm.
at::Tensor normalize(const at::Tensor& x, NormKind kind, double eps);

// normalize(x) * gamma + beta. Absent weights: x itself.
at::Tensor apply_norm(const at::Tensor& x, const ModelConfig& config, const NormWeights& norm);

// x [R, In] @ w [In, Out] + b [Out] -> fp32 [R, Out]. Without autograd on the CPU: by the row kernels, in fp32.
// Otherwise bf16 weights are multiplied in bf16.
at::Tensor apply_affine(const at::Tensor& x, const AffineWeights& affine);

// c tanh(x / c); x itself for c = 0.
at::Tensor soft_capped(const at::Tensor& x, double cap);

struct Activation {
  at::Tensor (*function)(const at::Tensor&) = nullptr;
  RowActivation rows = RowActivation::None;  // the same in the row kernels

  at::Tensor operator()(const at::Tensor& x) const { return function(x); }
};

Activation activation_of(ActivationKind kind);

// unit [R, D] fp32 or fp64 (the stream after the final norm, before gamma) -> logits [R, V] of that type.
at::Tensor unembed_rows(const at::Tensor& unit, const Unembed& unembed);

}  // namespace energy_lens
