// The arithmetic of a transformer block on rows, shared by every family and by both ways of running (fixed blocks of 64
// rows, or whole tensors with autograd). Streams are fp32 whatever the weights' type.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "energy_lens/model/config.h"

namespace energy_lens {

// (x - mean) / sqrt(var + eps) over the last axis for LayerNorm; x / sqrt(mean(x^2) + eps) for RmsNorm.
at::Tensor normalize(const at::Tensor& x, NormKind kind, double eps);

// normalize(x) * gamma + beta; beta may be undefined.
at::Tensor apply_norm(const at::Tensor& x, NormKind kind, double eps, const at::Tensor& gamma, const at::Tensor& beta);

// x [R, In] @ w [In, Out] + b [Out] -> fp32 [R, Out], computed in w's dtype.
at::Tensor affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b);

// config.json's activation_function by name. Errors: BadInput listing the known ones.
using Activation = at::Tensor (*)(const at::Tensor&);
Activation activation_named(const std::string& name);

// Softmax of scaled scores under the causal mask. q [..., Tq, Dh], k [..., Tk, Dh] -> [..., Tq, Tk]; query i stands at
// position first_query + i and sees keys 0..first_query + i.
at::Tensor attention_pattern(const at::Tensor& q, const at::Tensor& k, std::int64_t first_query);

}  // namespace energy_lens
