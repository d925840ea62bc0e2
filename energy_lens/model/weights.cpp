#include "energy_lens/model/weights.h"

#include <set>

namespace energy_lens {

void visit_tensors(const ModelWeights& weights, const std::function<void(const at::Tensor&)>& visit) {
  std::set<const void*> seen;
  const auto once = [&](const at::Tensor& tensor) {
    if (tensor.defined() && seen.insert(tensor.unsafeGetTensorImpl()).second) visit(tensor);
  };
  const Unembed& u = weights.unembed;
  for (const at::Tensor& tensor : {weights.embed, weights.pos_embed, u.gamma, u.beta, u.w_u, u.b_u}) once(tensor);
  for (const BlockWeights& block : weights.blocks) visit_block_tensors(block, once);
}

}  // namespace energy_lens
