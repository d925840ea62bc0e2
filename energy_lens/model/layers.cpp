#include "energy_lens/model/layers.h"

#include <ATen/core/grad_mode.h>

#include "energy_lens/core/error.h"
#include "energy_lens/kernels/row_operations.h"
#include "energy_lens/kernels/stable_product.h"

namespace energy_lens {
namespace {

at::Tensor gelu_tanh(const at::Tensor& x) { return at::gelu(x, "tanh"); }
at::Tensor gelu_exact(const at::Tensor& x) { return at::gelu(x); }
at::Tensor relu(const at::Tensor& x) { return at::relu(x); }
at::Tensor silu(const at::Tensor& x) { return at::silu(x); }

}  // namespace

at::Tensor normalize(const at::Tensor& x, NormKind kind, double eps) {
  if (kind == NormKind::LayerNorm) return at::layer_norm(x, {x.size(-1)}, {}, {}, eps);
  return x * at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + eps);
}

at::Tensor apply_norm(const at::Tensor& x, const ModelConfig& config, const NormWeights& norm) {
  if (!norm.gamma.defined()) return x;
  const at::Tensor scaled = normalize(x, config.norm, config.norm_eps) * norm.gamma;
  return norm.beta.defined() ? scaled + norm.beta : scaled;
}

at::Tensor apply_affine(const at::Tensor& x, const AffineWeights& affine) {
  const at::ScalarType type = affine.w.scalar_type();
  if (!at::GradMode::is_enabled() && x.is_cpu()) return row_product(x, affine.w, affine.b);
  if (type == at::kFloat) return stable_product(x, affine.w, affine.b);
  const at::Tensor rows = x.to(type);
  return (affine.b.defined() ? at::addmm(affine.b, rows, affine.w) : at::mm(rows, affine.w)).to(at::kFloat);
}

at::Tensor soft_capped(const at::Tensor& x, double cap) { return cap == 0.0 ? x : at::tanh(x / cap) * cap; }

Activation activation_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::GeluTanh:
      return {gelu_tanh, RowActivation::GeluTanh};
    case ActivationKind::GeluErf:
      return {gelu_exact, RowActivation::GeluErf};
    case ActivationKind::Relu:
      return {relu, RowActivation::Relu};
    case ActivationKind::Silu:
      return {silu, RowActivation::Silu};
  }
  EL_ASSERT(false);
}

at::Tensor unembed_rows(const at::Tensor& unit, const Unembed& u) {
  const at::Tensor y = u.beta.defined() ? unit * u.gamma + u.beta : unit * u.gamma;
  return soft_capped(stable_product(y, u.w_u.t(), u.b_u), u.soft_cap);
}

}  // namespace energy_lens
