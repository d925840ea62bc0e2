// The row kernels on tensors and all threads. Called inside a parallel region, they stay on its thread. Bits depend
// neither on the number of threads nor on how rows are put together (torch_free/row_kernels.h).
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

#include "energy_lens/kernels/torch_free/row_kernels.h"

namespace energy_lens {

// x [R, W] fp32 on the CPU whose rows have no gaps.
RowView row_view(const at::Tensor& x);
ConstRowView const_row_view(const at::Tensor& x);

// y [R, N] = activation(x [R, K] @ w [K, N] + b [N]). w fp32 or bf16, of any strides; b fp32 or bf16, or undefined.
void multiply_rows(const RowKernels& kernels, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                   RowActivation activation, const at::Tensor& y, RowPrecision precision = RowPrecision::OfWeights);
at::Tensor row_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b);

// y [R, W] = norm(x [R, W]) gamma + beta; y may be x. gamma, beta [W] fp32, or undefined.
void norm_rows(const RowKernels& kernels, const at::Tensor& x, bool centred, double eps, const at::Tensor& gamma,
               const at::Tensor& beta, const at::Tensor& y);

// in [R, 2 W]: its first W columns become activation(them) * the other W.
void gate_rows(const RowKernels& kernels, RowActivation activation, const at::Tensor& in);

// head_of(i) for i in [0, heads).
void attend_heads(const RowKernels& kernels, std::int64_t heads,
                  const std::function<HeadAttention(std::int64_t)>& head_of);

}  // namespace energy_lens
