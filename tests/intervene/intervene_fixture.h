// What the tests of edits share: a random model, a plain dictionary, and GPT-2's blocks written again in fp64.
#pragma once
#include <ATen/Parallel.h>

#include <cmath>

#include "../support/tiny_model.h"
#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens::testing {

// The three atoms with the largest |product|, values the products: not OMP, so nothing here depends on OMP.
class TopThree : public Dictionary {
 public:
  TopThree(std::int64_t atoms, std::int64_t width)
      : atoms_(random_tensor("test/atoms", {atoms, width}, 1.0)), mean_(random_tensor("test/mean", {width}, 0.2)) {
    atoms_ /= atoms_.norm(2, {1}, true);
  }
  const at::Tensor& atoms() const override { return atoms_; }
  const at::Tensor& mean() const override { return mean_; }
  std::string kind() const override { return "top-three"; }
  SparseCodes encode(const at::Tensor& x) const override {
    const at::Tensor products = (x - mean_).matmul(atoms_.t());
    const at::Tensor chosen = std::get<1>(products.abs().topk(3, 1));
    return {chosen, products.gather(1, chosen)};
  }

 private:
  at::Tensor atoms_, mean_;
};

// Blocks layer..L-1 and the unembedding of a tiny model on one stream [T, D] fp64: an oracle without fp32 rounding.
class DoubleReference {
 public:
  explicit DoubleReference(const TinyShape& shape) : shape_(shape) {
    for (const auto& [name, tensor] : tiny_weights(shape)) w_[name] = tensor.to(at::kDouble);
  }
  // [T, V] log-probabilities.
  at::Tensor log_probs(std::int64_t layer, at::Tensor h) const {
    for (; layer < shape_.layers; ++layer) h = block("h." + std::to_string(layer) + ".", h);
    return norm("ln_f", h).matmul(w_.at("wte.weight").t()).log_softmax(1);
  }
  // [T - 1] -log p(ids[t + 1]).
  at::Tensor nll(std::int64_t layer, const at::Tensor& h, const std::vector<std::int64_t>& ids) const {
    const at::Tensor target = at::tensor(ids, at::kLong).narrow(0, 1, h.size(0) - 1).unsqueeze(1);
    return -log_probs(layer, h.to(at::kDouble)).narrow(0, 0, h.size(0) - 1).gather(1, target).squeeze(1);
  }
  double loss(std::int64_t layer, const at::Tensor& h, const std::vector<std::int64_t>& ids) const {
    return nll(layer, h, ids).sum().item<double>();
  }

 private:
  at::Tensor norm(const std::string& name, const at::Tensor& x) const {
    return at::layer_norm(x, {shape_.width}, w_.at(name + ".weight"), w_.at(name + ".bias"), 1e-5);
  }
  at::Tensor affine(const std::string& name, const at::Tensor& x) const {
    return x.matmul(w_.at(name + ".weight")) + w_.at(name + ".bias");
  }
  at::Tensor block(const std::string& at, at::Tensor h) const {
    const std::int64_t tokens = h.size(0), head = shape_.width / shape_.heads;
    const at::Tensor qkv = affine(at + "attn.c_attn", norm(at + "ln_1", h)).view({tokens, 3, shape_.heads, head});
    const auto part = [&](std::int64_t i) { return qkv.select(1, i).transpose(0, 1); };  // [H, T, Dh]
    const at::Tensor future = at::ones({tokens, tokens}, at::kBool).triu(1);
    const at::Tensor scores = part(0).matmul(part(1).transpose(1, 2)) / std::sqrt(static_cast<double>(head));
    const at::Tensor z = scores.masked_fill(future, -INFINITY).softmax(-1).matmul(part(2));
    h = h + affine(at + "attn.c_proj", z.transpose(0, 1).reshape({tokens, shape_.width}));
    const at::Tensor post = at::gelu(affine(at + "mlp.c_fc", norm(at + "ln_2", h)), "tanh");
    return h + affine(at + "mlp.c_proj", post);
  }

  TinyShape shape_;
  std::map<std::string, at::Tensor> w_;
};

// f() under 1 and then 2 threads.
template <typename F>
auto under_one_and_two_threads(const F& f) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = f();
  at::set_num_threads(2);
  const auto two = f();
  at::set_num_threads(before);
  return std::pair(one, two);
}

}  // namespace energy_lens::testing
