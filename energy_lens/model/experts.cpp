#include "energy_lens/model/experts.h"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

namespace energy_lens {
namespace {

constexpr std::int64_t kTile = 8;

using RowFunction = std::function<at::Tensor(const at::Tensor&)>;

// Places of a product of kTile rows: which row each takes, or -1.
using Tile = std::array<std::int64_t, kTile>;

// A row always sits at its index modulo kTile, so that its bits do not depend on which other rows were chosen: matrix
// products may round differently from place to place and from height to height.
std::vector<Tile> tiles_of(const std::vector<std::int64_t>& rows) {
  std::vector<Tile> tiles;
  std::array<std::size_t, kTile> used = {};
  for (const std::int64_t row : rows) {
    const auto place = static_cast<std::size_t>(row % kTile);
    const std::size_t tile = used[place]++;
    if (tile == tiles.size()) tiles.emplace_back().fill(-1);
    tiles[tile][place] = row;
  }
  return tiles;
}

at::Tensor indices(const std::vector<std::int64_t>& values, const at::Tensor& like) {
  return at::tensor(values, at::kLong).to(like.device());
}

// function maps [kTile, In] to [kTile, Out] row by row; only the rows asked for are computed. -> [R, Out], other rows
// 0; undefined without rows.
at::Tensor map_chosen(const at::Tensor& x, const std::vector<std::int64_t>& rows, const RowFunction& function) {
  std::vector<at::Tensor> results;
  std::vector<std::int64_t> order;
  for (const Tile& tile : tiles_of(rows)) {
    std::vector<std::int64_t> taken(tile.begin(), tile.end()), places;
    for (std::int64_t place = 0; place < kTile; ++place) {
      std::int64_t& row = taken[static_cast<std::size_t>(place)];
      if (row >= 0) {
        places.push_back(place);
        order.push_back(row);
      } else {
        row = rows.front();  // its result is dropped
      }
    }
    results.push_back(function(x.index_select(0, indices(taken, x))).index_select(0, indices(places, x)));
  }
  if (results.empty()) return {};
  const at::Tensor values = at::cat(results);
  return at::zeros({x.size(0), values.size(1)}, values.options()).index_copy(0, indices(order, x), values);
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
  const Activation activation = activation_named(config.activation);
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
    parts.push_back(gated(x, experts.shared, activation) * at::sigmoid(apply_affine(x, experts.shared_gate)));
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
    const at::Tensor part = map_chosen(
        by_expert.select(1, static_cast<std::int64_t>(expert)), rows[expert],
        [&](const at::Tensor& chosen) { return apply_affine(chosen, experts.routed[expert].out); });
    if (part.defined()) out = out + part;
  }
  if (!experts.shared_gate.w.defined()) return out;
  return out + apply_affine(post.narrow(1, routed, config.experts.shared_width), experts.shared.out);
}

}  // namespace energy_lens
