#include "energy_lens/lens/reference_block.h"

#include <limits>

#include "energy_lens/kernels/stable_product.h"
#include "energy_lens/model/layers.h"

namespace energy_lens {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Normalized {
  at::Tensor unit;   // [R, D] before gamma
  at::Tensor sigma;  // [R, 1]
};

Normalized normalize(const at::Tensor& stream, const Unembed& u) {
  const at::Tensor centred = u.norm == NormKind::LayerNorm ? stream - stream.mean(-1, true) : stream;
  const at::Tensor sigma = at::sqrt(centred.square().mean(-1, true) + u.eps);
  return {centred / sigma, sigma};
}

// E = log sum_v exp(z_v - z_t). Where the target leads, log1p over the others keeps energies below 1e-7 apart.
at::Tensor target_energy(const at::Tensor& shifted_target, const at::Tensor& others, const at::Tensor& total) {
  return at::where(shifted_target == 0, at::log1p(others), at::log(total) - shifted_target);
}

struct TopTokens {
  at::Tensor ids, values;  // [R, k]
};

// The k largest, the lowest id first among equals. k passes of argmax, whose first-index rule gives that order.
TopTokens top_tokens(const at::Tensor& log_probs, std::int64_t k) {
  at::Tensor rest = log_probs.clone();
  std::vector<at::Tensor> ids, values;
  for (std::int64_t i = 0; i < k; ++i) {
    const at::Tensor best = rest.argmax(-1, /*keepdim=*/true);
    ids.push_back(best);
    values.push_back(rest.gather(-1, best));
    rest.scatter_(-1, best, -kInfinity);
  }
  if (k == 0) return {};
  return {at::cat(ids, -1), at::cat(values, -1)};
}

at::Tensor rank_of(const at::Tensor& logits, const at::Tensor& target_logit, const at::Tensor& target) {
  const at::Tensor ids = at::arange(logits.size(-1), target.options());
  return (logits > target_logit).sum(-1) + ((logits == target_logit) & (ids < target)).sum(-1);
}

}  // namespace

at::Tensor norm_scale(const at::Tensor& stream, const Unembed& u) { return normalize(stream, u).sigma.squeeze(-1); }

LogitBlock lens_logits(const at::Tensor& stream, const Unembed& u, bool final_norm) {
  LogitBlock block;
  block.logits = final_norm ? unembed_rows(normalize(stream, u).unit, u) : stable_product(stream, u.w_u.t());
  block.log_norm = at::logsumexp(block.logits, -1);
  block.log_probs = block.logits - block.log_norm.unsqueeze(-1);
  return block;
}

LensRows lens_scalars(const LogitBlock& block, const LogitBlock& final_block, const at::Tensor& targets,
                      std::int64_t top_k) {
  const at::Tensor target = targets.unsqueeze(-1);
  const at::Tensor target_logit = block.logits.gather(-1, target);
  const at::Tensor largest = at::amax(block.logits, -1, true);
  const at::Tensor weights = at::exp(block.logits - largest);
  const at::Tensor others = weights.scatter(-1, target, 0.0).sum(-1);
  const at::Tensor probs = at::exp(block.log_probs), final_probs = at::exp(final_block.log_probs);
  LensRows rows;
  rows.energy = target_energy((target_logit - largest).squeeze(-1), others, weights.sum(-1));
  rows.cross_entropy = -(final_probs * block.log_probs).sum(-1);
  rows.entropy = -(probs * block.log_probs).sum(-1);
  // KL as a sum of terms that are each >= 0: p^l - p^L + p^L log(p^L / p^l).
  rows.kl_to_final =
      (probs - final_probs + final_probs * (final_block.log_probs - block.log_probs)).clamp_min(0).sum(-1);
  const at::Tensor two = std::get<0>(block.logits.topk(2, -1));
  rows.margin = two.select(-1, 0) - two.select(-1, 1);
  rows.target_margin = target_logit.squeeze(-1) - at::amax(block.logits.scatter(-1, target, -kInfinity), -1);
  rows.rank = rank_of(block.logits, target_logit, target);
  rows.confidence = at::amax(probs, -1);
  rows.free_energy = block.logits.mean(-1) - block.log_norm;
  const TopTokens top = top_tokens(block.log_probs, top_k);
  rows.top_ids = top.ids;
  rows.top_log_probs = top.values;
  return rows;
}

at::Tensor pull_back(const at::Tensor& weights, const LogitBlock& block, const at::Tensor& stream, const Unembed& u) {
  const Normalized n = normalize(stream, u);
  // The slope of c tanh(z / c) is 1 - (capped / c)^2.
  const at::Tensor sloped = u.soft_cap == 0.0 ? weights : weights * (1.0 - (block.logits / u.soft_cap).square());
  const at::Tensor g = stable_product(sloped, u.w_u) * u.gamma;
  const at::Tensor along = n.unit * (n.unit * g).mean(-1, true);
  const at::Tensor centred = u.norm == NormKind::LayerNorm ? g - g.mean(-1, true) : g;
  return (centred - along) / n.sigma;
}

}  // namespace energy_lens
