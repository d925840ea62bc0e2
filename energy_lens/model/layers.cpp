#include "energy_lens/model/layers.h"

#include <array>
#include <cmath>
#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/kernels/stable_product.h"

namespace energy_lens {
namespace {

struct NamedActivation {
  std::string_view name;
  Activation function;
};

at::Tensor gelu_tanh(const at::Tensor& x) { return at::gelu(x, "tanh"); }
at::Tensor gelu_exact(const at::Tensor& x) { return at::gelu(x); }
at::Tensor relu(const at::Tensor& x) { return at::relu(x); }

constexpr std::array<NamedActivation, 4> kActivations = {
    {{"gelu_new", gelu_tanh}, {"gelu_pytorch_tanh", gelu_tanh}, {"gelu", gelu_exact}, {"relu", relu}}};

}  // namespace

at::Tensor normalize(const at::Tensor& x, NormKind kind, double eps) {
  if (kind == NormKind::LayerNorm) return at::layer_norm(x, {x.size(-1)}, {}, {}, eps);
  return x * at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + eps);
}

at::Tensor apply_norm(const at::Tensor& x, NormKind kind, double eps, const at::Tensor& gamma, const at::Tensor& beta) {
  const at::Tensor scaled = normalize(x, kind, eps) * gamma;
  return beta.defined() ? scaled + beta : scaled;
}

at::Tensor affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  if (w.scalar_type() == at::kFloat) return stable_product(x, w, b);
  return at::addmm(b, x.to(w.scalar_type()), w).to(at::kFloat);
}

Activation activation_named(const std::string& name) {
  std::string known;
  for (const NamedActivation& entry : kActivations) {
    if (entry.name == name) return entry.function;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  fail(ErrorKind::BadInput, "load_model", "config.json has activation '" + name + "', expected one of " + known);
}

at::Tensor attention_pattern(const at::Tensor& q, const at::Tensor& k, std::int64_t first_query) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor scores = at::matmul(q, k.transpose(-2, -1)) * scale;
  const at::Tensor positions = at::arange(k.size(-2), at::kLong);
  const at::Tensor queries = at::arange(first_query, first_query + q.size(-2), at::kLong).unsqueeze(1);
  return at::softmax(scores.masked_fill(positions > queries, -std::numeric_limits<float>::infinity()), -1);
}

}  // namespace energy_lens
