#include "energy_lens/model/weights.h"

#include <map>

namespace energy_lens {

std::int64_t count_parameters(const ModelWeights& weights) {
  std::map<const void*, std::int64_t> sizes;
  const auto add = [&](const at::Tensor& tensor) {
    if (tensor.defined()) sizes[tensor.const_data_ptr()] = tensor.numel();
  };
  const Unembed& u = weights.unembed;
  for (const at::Tensor& tensor : {weights.embed, weights.pos_embed, u.gamma, u.beta, u.w_u, u.b_u}) add(tensor);
  for (const BlockWeights& b : weights.blocks) {
    for (const NormWeights& norm : {b.attn_norm, b.mlp_norm, b.attn_post_norm, b.mlp_post_norm, b.q_norm, b.k_norm}) {
      add(norm.gamma);
      add(norm.beta);
    }
    for (const AffineWeights& affine : {b.qkv, b.out, b.in, b.mlp_out}) {
      add(affine.w);
      add(affine.b);
    }
  }
  std::int64_t count = 0;
  for (const auto& [pointer, size] : sizes) count += size;
  return count;
}

}  // namespace energy_lens
