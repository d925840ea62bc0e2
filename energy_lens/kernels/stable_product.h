// Matrix products whose bits do not depend on the number of threads. A BLAS chooses how to cut long sums by what it
// believes about threads; sums of at most 512 terms it does not cut, so longer ones are added up panel by panel.
#pragma once
#include <ATen/ATen.h>

namespace energy_lens {

// x [R, K] @ w [K, N] + b [N], b may be undefined. x fp32 or fp64; any strides. Where w is of another type (bf16) it is
// widened to x's, at most 512 x 4,096 numbers at a time. Call it inside parallel_blocks.
at::Tensor stable_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b = {});

// The same for a batch: x [B, R, K] @ w [B, K, N], one type.
at::Tensor stable_batch_product(const at::Tensor& x, const at::Tensor& w);

}  // namespace energy_lens
