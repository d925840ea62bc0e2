// The lens on one block of rows: everything measured of the logits of one layer, and the closed-form gradients.
// Computed in the type of its streams: fp32 in use, fp64 where a test compares with a closed form.
#pragma once
#include <ATen/ATen.h>

#include "energy_lens/lens/energy.h"

namespace energy_lens {

// What a layer's logits say, in the arithmetic's type.
struct LogitBlock {
  at::Tensor logits;     // [R, V]
  at::Tensor log_norm;   // [R] log-sum-exp
  at::Tensor log_probs;  // [R, V]
};

// The final norm's sigma at each row of a stream [R, D]: [R], what it divides the row by.
at::Tensor norm_scale(const at::Tensor& stream, const Unembed& unembed);

// streams [R, D] -> logits of the lens, norm included; without final_norm W_U r alone.
LogitBlock lens_logits(const at::Tensor& stream, const Unembed& unembed, bool final_norm = true);

// All scalars of `out` for one layer; final_block is the last layer's.
LensRows lens_scalars(const LogitBlock& block, const LogitBlock& final_block, const at::Tensor& targets,
                      std::int64_t top_k);

// d/dstream of sum_v weights[r, v] * logits[r, v], through the soft-cap and the norm: the closed form of
// LayerNorm and RMSNorm.
// weights [R, V] is p - e_target for the energy, p - p^L for the expected gradient.
// block: the logits of this stream.
at::Tensor pull_back(const at::Tensor& weights, const LogitBlock& block, const at::Tensor& stream,
                     const Unembed& unembed);

}  // namespace energy_lens
