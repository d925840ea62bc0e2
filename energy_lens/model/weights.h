// The tensors of one model, in the one layout that every family loads into. Matrices are [in, out].
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "energy_lens/model/model.h"

namespace energy_lens {

struct NormWeights {
  at::Tensor gamma, beta;  // [D] fp32; beta undefined for RMSNorm
};

struct BlockWeights {
  NormWeights attn_norm, mlp_norm;
  at::Tensor w_qkv, b_qkv;  // [D, 3 H Dh], [3 H Dh]: queries, keys, values
  at::Tensor w_out, b_out;  // [H Dh, D], [D]
  at::Tensor w_in, b_in;    // [D, M], [M]
  at::Tensor w_mlp_out, b_mlp_out;  // [M, D], [D]
};

struct ModelWeights {
  at::Tensor embed;      // [V, D]
  at::Tensor pos_embed;  // [n_ctx, D]
  std::vector<BlockWeights> blocks;
  Unembed unembed;
};

}  // namespace energy_lens
