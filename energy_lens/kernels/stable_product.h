// Matrix products whose bits do not depend on the number of threads. A BLAS chooses how to cut long sums by what it
// believes about threads; sums of at most 512 terms it does not cut, so longer ones are added up panel by panel.
#pragma once
#include <ATen/ATen.h>

namespace energy_lens {

// x [R, K] @ w [K, N] + b [N], b may be undefined. fp32 or fp64; any strides. Call it inside parallel_blocks.
at::Tensor stable_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b = {});

// The same for a batch: x [B, R, K] @ w [B, K, N].
at::Tensor stable_batch_product(const at::Tensor& x, const at::Tensor& w);

}  // namespace energy_lens
