#include "energy_lens/model/experts.h"

#include <vector>

namespace energy_lens {
namespace {

// function maps [n, In] to [n, Out] row by row; only the rows asked for are computed. -> [R, Out], other rows 0;
// undefined without rows.
template <class Function>
at::Tensor map_chosen(const at::Tensor& x, const std::vector<std::int64_t>& rows, const Function& function) {
  if (rows.empty()) return {};
  const at::Tensor chosen = at::tensor(rows, at::kLong).to(x.device());
  const at::Tensor values = function(x.index_select(0, chosen));
  return at::zeros({x.size(0), values.size(1)}, values.options()).index_copy(0, chosen, values);
}

// chosen [R, E] bool -> the rows of each expert.
std::vector<std::vector<std::int64_t>> rows_of_experts(const at::Tensor& chosen) {
  const at::Tensor local = chosen.cpu().contiguous();
  const bool* const flags = local.data_ptr<bool>();
  std::vector<std::vector<std::int64_t>> rows(static_cast<std::size_t>(local.size(1)));
  for (std::int64_t i = 0; i < local.numel(); ++i) {
    if (flags[i]) rows[static_cast<std::size_t>(i % local.size(1))].push_back(i / local.size(1));
  }
  return rows;
}

// Row by row: an operator on the whole column would treat the numbers at its end apart.
at::Tensor sigmoid_of_column(const at::Tensor& x) {
  return at::softmax(at::cat({x, at::zeros_like(x)}, 1), -1).narrow(1, 0, 1);
}

at::Tensor gated(const at::Tensor& x, const GatedWeights& mlp, Activation activation) {
  const at::Tensor in = apply_affine(x, mlp.in);
  const std::int64_t width = in.size(1) / 2;
  return activation(in.narrow(1, 0, width)) * in.narrow(1, width, width);
}

}  // namespace

std::int64_t experts_width(const ExpertConfig& config) { return config.count * config.width + config.shared_width; }

at::Tensor routing_weights(const at::Tensor& x, const ExpertConfig& config, const ExpertWeights& experts) {
  const at::Tensor shares = at::softmax(apply_affine(x, experts.router), -1);
  const at::Tensor order = at::argsort(shares.detach(), /*stable=*/true, -1, /*descending=*/true);
  const at::Tensor likeliest = order.narrow(1, 0, config.per_token);
  at::Tensor kept = shares.gather(1, likeliest);
  if (config.normalized) kept = kept / kept.sum(-1, /*keepdim=*/true);
  return at::zeros_like(shares).scatter(1, likeliest, kept);
}

at::Tensor expert_activations(const at::Tensor& x, const ModelConfig& config, const ExpertWeights& experts) {
  const Activation activation = activation_of(config.activation);
  const at::Tensor weights = routing_weights(x, config.experts, experts);
  const auto rows = rows_of_experts(weights > 0.0);
  const at::Tensor nothing = at::zeros({1, 1}, weights.options()).expand({x.size(0), config.experts.width});
  std::vector<at::Tensor> parts;
  for (std::size_t expert = 0; expert < rows.size(); ++expert) {
    const at::Tensor part = map_chosen(
        x, rows[expert], [&](const at::Tensor& chosen) { return gated(chosen, experts.routed[expert], activation); });
    const at::Tensor weight = weights.narrow(1, static_cast<std::int64_t>(expert), 1);
    parts.push_back(part.defined() ? part * weight : nothing);
  }
  if (experts.shared_gate.w.defined()) {
    parts.push_back(gated(x, experts.shared, activation) * sigmoid_of_column(apply_affine(x, experts.shared_gate)));
  }
  return at::cat(parts, 1);
}

at::Tensor expert_outputs(const at::Tensor& post, const ModelConfig& config, const ExpertWeights& experts,
                          bool every_expert) {
  const std::int64_t routed = config.experts.count * config.experts.width;
  const at::Tensor by_expert = post.narrow(1, 0, routed).reshape({-1, config.experts.count, config.experts.width});
  const at::Tensor sent = by_expert.ne(0.0).any(-1);
  const auto rows = rows_of_experts(every_expert ? at::ones_like(sent) : sent);
  at::Tensor out = at::zeros({post.size(0), config.d_model}, post.options());
  for (std::size_t expert = 0; expert < rows.size(); ++expert) {
    const at::Tensor part =
        map_chosen(by_expert.select(1, static_cast<std::int64_t>(expert)), rows[expert],
                   [&](const at::Tensor& chosen) { return apply_affine(chosen, experts.routed[expert].out); });
    if (part.defined()) out = out + part;
  }
  if (!experts.shared_gate.w.defined()) return out;
  return out + apply_affine(post.narrow(1, routed, config.experts.shared_width), experts.shared.out);
}

}  // namespace energy_lens
