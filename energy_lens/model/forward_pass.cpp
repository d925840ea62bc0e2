#include "energy_lens/model/forward_pass.h"

#include "energy_lens/model/experts.h"
#include "energy_lens/model/kv_cache.h"

namespace energy_lens {
namespace {

// function maps [rows, In] to [rows, Out].
template <class Function>
at::Tensor map_rows(const at::Tensor& x, const Function& function) {
  return function(x.flatten(0, 1)).unflatten(0, {x.size(0), x.size(1)});
}

// The same, at most kExpertRows rows at a time.
template <class Function>
at::Tensor map_pieces(const at::Tensor& x, const Function& function) {
  return map_rows(x, [&](const at::Tensor& rows) {
    std::vector<at::Tensor> pieces;
    for (const at::Tensor& piece : rows.split(kExpertRows)) pieces.push_back(function(piece));
    return at::cat(pieces);
  });
}

}  // namespace

ForwardPass::ForwardPass(const ModelConfig& config, const ModelWeights& weights, const TokenBatch& batch,
                         const ForwardOptions& options)
    : config_(config),
      weights_(weights),
      batch_(batch),
      options_(options),
      activation_(activation_of(config.activation)),
      visits_(batch, options),
      tokens_(batch.ids.size(1)),
      past_(options.cache != nullptr ? options.cache->length : 0) {
  for (const RotaryConfig& rotary : config.rotaries) rotary_.push_back(rotary_table(rotary, past_, tokens_));
}

void ForwardPass::visit(Site site, std::int64_t layer, at::Tensor& value) const {
  value = visits_.visit(site, layer, value);
}

at::Tensor ForwardPass::learned_positions() const {
  const std::int64_t sequences = batch_.ids.size(0);
  if (!weights_.pos_embed.defined()) {
    return at::zeros({sequences, tokens_, config_.d_model}, weights_.embed.options().dtype(at::kFloat));
  }
  return weights_.pos_embed.narrow(0, config_.position_offset + past_, tokens_)
      .to(at::kFloat)
      .unsqueeze(0)
      .expand({sequences, tokens_, config_.d_model});
}

at::Tensor ForwardPass::embed() {
  at::Tensor embedded = at::embedding(weights_.embed, batch_.ids.to(weights_.embed.device())).to(at::kFloat);
  if (config_.embed_scale != 1.0) embedded = embedded * config_.embed_scale;
  visit(Site::Embed, 0, embedded);
  // Every family fires the site; without learned positions it is zero.
  if (!weights_.pos_embed.defined() && !visits_.watched(Site::PosEmbed, 0)) return embedded;
  at::Tensor positions = learned_positions();
  visit(Site::PosEmbed, 0, positions);
  return embedded + positions;
}

at::Tensor ForwardPass::run_blocks(std::int64_t first_layer, at::Tensor resid) {
  for (std::int64_t layer = first_layer; layer < config_.n_layers; ++layer) resid = block(layer, resid);
  if (options_.cache != nullptr) options_.cache->length += tokens_;
  return resid.cpu();
}

at::Tensor ForwardPass::block(std::int64_t layer, const at::Tensor& entering) {
  at::Tensor resid = entering.to(weights_.blocks[static_cast<std::size_t>(layer)].qkv.w.device());
  visit(Site::ResidPre, layer, resid);
  const at::Tensor attn_out = attention(layer, resid);
  at::Tensor middle = resid + attn_out;
  visit(Site::ResidMid, layer, middle);
  resid = middle + mlp(layer, config_.parallel_residual ? resid : middle);
  visit(Site::ResidPost, layer, resid);
  return resid;
}

at::Tensor ForwardPass::attention(std::int64_t layer, const at::Tensor& resid) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t dh = config_.d_head, queries = config_.n_heads * dh, keys = config_.n_kv_heads * dh;
  const at::Tensor qkv =
      map_rows(resid, [&](const at::Tensor& x) { return apply_affine(apply_norm(x, config_, w.attn_norm), w.qkv); });
  const auto heads = [&](std::int64_t begin, std::int64_t width) {
    return qkv.narrow(2, begin, width).unflatten(2, {width / dh, dh});
  };
  at::Tensor z = attend(layer, heads(0, queries), heads(queries, keys), heads(queries + keys, keys));
  visit(Site::Z, layer, z);
  at::Tensor out = map_rows(
      z.flatten(2), [&](const at::Tensor& x) { return apply_norm(apply_affine(x, w.out), config_, w.attn_post_norm); });
  visit(Site::AttnOut, layer, out);
  return out;
}

at::Tensor ForwardPass::mlp(std::int64_t layer, const at::Tensor& resid) {
  if (config_.experts.in_layer(layer)) return mixture(layer, resid);
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t width = config_.d_mlp;
  at::Tensor post = map_rows(resid, [&](const at::Tensor& x) {
    const at::Tensor in = apply_affine(apply_norm(x, config_, w.mlp_norm), w.in);
    if (!config_.gated_mlp) return activation_(in);
    return activation_(in.narrow(1, 0, width)) * in.narrow(1, width, width);
  });
  visit(Site::MlpPost, layer, post);
  at::Tensor out = map_rows(
      post, [&](const at::Tensor& x) { return apply_norm(apply_affine(x, w.mlp_out), config_, w.mlp_post_norm); });
  visit(Site::MlpOut, layer, out);
  return out;
}

// hook_post of a layer with experts is wide and mostly zero: it is kept whole only where somebody watches.
at::Tensor ForwardPass::mixture(std::int64_t layer, const at::Tensor& resid) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const bool whole_post = visits_.watched(Site::MlpPost, layer), every_expert = whole_post && options_.differentiable;
  const auto activations = [&](const at::Tensor& x) {
    return expert_activations(apply_norm(x, config_, w.mlp_norm), config_, w.experts);
  };
  const auto outputs = [&](const at::Tensor& post) {
    return apply_norm(expert_outputs(post, config_, w.experts, every_expert), config_, w.mlp_post_norm);
  };
  at::Tensor out;
  if (whole_post) {
    at::Tensor post = map_pieces(resid, activations);
    visit(Site::MlpPost, layer, post);
    out = map_pieces(post, outputs);
  } else {
    out = map_pieces(resid, [&](const at::Tensor& x) { return outputs(activations(x)); });
  }
  visit(Site::MlpOut, layer, out);
  return out;
}

AttentionRule ForwardPass::rule_of(std::int64_t layer) const {
  return {config_.attention_scale, config_.attention_soft_cap,
          config_.attention[static_cast<std::size_t>(layer)].window};
}

// x [B, T, H, Dh]; the norm is of one head or of all heads together, as its weights are.
at::Tensor ForwardPass::norm_heads(const at::Tensor& x, const NormWeights& norm) const {
  if (!norm.gamma.defined()) return x;
  return apply_norm(x.reshape({-1, norm.gamma.size(0)}), config_, norm).view(x.sizes());
}

at::Tensor ForwardPass::attend(std::int64_t layer, at::Tensor q, at::Tensor k, at::Tensor v) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  visit(Site::Q, layer, q);
  visit(Site::K, layer, k);
  visit(Site::V, layer, v);
  q = norm_heads(q, w.q_norm);
  k = norm_heads(k, w.k_norm);
  if (!rotary_.empty()) {
    const RotaryTable& table = rotary_[config_.attention[static_cast<std::size_t>(layer)].rotary];
    q = rotate(q, table);
    k = rotate(k, table);
  }
  const auto by_head = [](const at::Tensor& x) { return x.transpose(1, 2); };  // [B, H, T, Dh]
  SeenKeys seen{by_head(k), by_head(v)};
  if (options_.cache != nullptr) seen = append_to_cache(*options_.cache, layer, seen.keys, seen.values);
  at::Tensor pattern = attention_pattern(by_head(q), seen.keys, past_, rule_of(layer));
  visit(Site::Pattern, layer, pattern);
  return by_head(at::matmul(pattern, shared_heads(seen.values, config_.n_heads)));
}

at::Tensor ForwardPass::unembed(const at::Tensor& resid) {
  const Unembed& u = weights_.unembed;
  at::Tensor normalized = normalize(resid, u.norm, u.eps);
  visit(Site::FinalNorm, 0, normalized);
  return map_rows(normalized, [&](const at::Tensor& unit) { return unembed_rows(unit, u); });
}

}  // namespace energy_lens
