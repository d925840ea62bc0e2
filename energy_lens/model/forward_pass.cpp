#include "energy_lens/model/forward_pass.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/kernels/stable_product.h"
#include "energy_lens/model/experts.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kBlockRows = 64;

}  // namespace

ForwardPass::ForwardPass(const ModelConfig& config, const ModelWeights& weights, const TokenBatch& batch,
                         const ForwardOptions& options)
    : config_(config),
      weights_(weights),
      batch_(batch),
      options_(options),
      activation_(activation_named(config.activation)),
      whole_(options.differentiable || options.cache != nullptr || !weights.embed.device().is_cpu()),
      tokens_(batch.ids.size(1)),
      padded_(whole_ ? tokens_ : (tokens_ + kBlockRows - 1) / kBlockRows * kBlockRows),
      past_(options.cache != nullptr ? options.cache->length : 0) {
  for (const RotaryConfig& rotary : config.rotaries) rotary_.push_back(rotary_table(rotary, past_, padded_));
}

at::Tensor ForwardPass::pad(const at::Tensor& x) const {
  if (x.size(1) == padded_) return x;
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[1] = padded_;
  at::Tensor padded = at::zeros(shape, x.options());
  padded.narrow(1, 0, x.size(1)).copy_(x);
  return padded;
}

at::Tensor ForwardPass::trim(const at::Tensor& x) const { return x.narrow(1, 0, tokens_); }

at::Tensor ForwardPass::map_rows(const at::Tensor& x, std::int64_t width, const RowFunction& function) const {
  const std::int64_t sequences = x.size(0);
  if (whole_) return function(x.reshape({sequences * padded_, -1})).reshape({sequences, padded_, width});
  at::Tensor result = at::empty({sequences, padded_, width}, x.options());
  const at::Tensor rows_in = x.reshape({-1, kBlockRows, x.numel() / (sequences * padded_)});
  const at::Tensor rows_out = result.view({-1, kBlockRows, width});
  parallel_blocks(rows_in.size(0), [&](std::int64_t block) {
    const at::NoGradGuard no_grad;
    rows_out[block].copy_(function(rows_in[block]));
  });
  return result;
}

bool ForwardPass::watched(Site site, std::int64_t layer) const {
  const SiteRef ref{site, layer};
  return (options_.observer != nullptr && options_.observer->wants(ref)) ||
         (options_.editor != nullptr && options_.editor->edits(ref));
}

void ForwardPass::visit(Site site, std::int64_t layer, at::Tensor& value, std::int64_t token_axis) {
  const SiteRef ref{site, layer};
  if (options_.editor != nullptr && options_.editor->edits(ref)) {
    const at::Tensor view = value.narrow(token_axis, 0, tokens_).cpu();
    const at::Tensor edited = options_.editor->edit(ref, view, batch_);
    if (edited.sizes() != view.sizes() || edited.scalar_type() != view.scalar_type()) {
      fail(ErrorKind::Usage, "forward", "the editor of " + site_name(ref) + " changed the shape or dtype");
    }
    // Padding stays as it was; with autograd the edited tensor itself must flow on.
    if (whole_) {
      value = edited.to(value.device());
    } else if (!edited.is_same(view)) {
      at::Tensor copy = value.clone();
      copy.narrow(token_axis, 0, tokens_).copy_(edited);
      value = copy;
    }
  }
  if (options_.observer != nullptr && options_.observer->wants(ref)) {
    options_.observer->observe(ref, value.narrow(token_axis, 0, tokens_).cpu(), batch_);
  }
}

at::Tensor ForwardPass::learned_positions() const {
  const std::int64_t sequences = batch_.ids.size(0);
  if (!weights_.pos_embed.defined()) {
    return at::zeros({sequences, padded_, config_.d_model}, weights_.embed.options().dtype(at::kFloat));
  }
  return pad(weights_.pos_embed.narrow(0, config_.position_offset + past_, tokens_)
                 .to(at::kFloat)
                 .unsqueeze(0)
                 .expand({sequences, tokens_, config_.d_model}));
}

at::Tensor ForwardPass::embed() {
  at::Tensor embedded = pad(at::embedding(weights_.embed, batch_.ids.to(weights_.embed.device())).to(at::kFloat));
  if (config_.embed_scale != 1.0) embedded = embedded * config_.embed_scale;
  visit(Site::Embed, 0, embedded);
  // Every family fires the site; without learned positions it is zero.
  if (!weights_.pos_embed.defined() && !watched(Site::PosEmbed, 0)) return trim(embedded);
  at::Tensor positions = learned_positions();
  visit(Site::PosEmbed, 0, positions);
  return trim(embedded + positions);
}

at::Tensor ForwardPass::run_blocks(std::int64_t first_layer, at::Tensor resid) {
  resid = pad(resid);
  for (std::int64_t layer = first_layer; layer < config_.n_layers; ++layer) resid = block(layer, std::move(resid));
  if (options_.cache != nullptr) options_.cache->length += tokens_;
  return trim(resid).cpu();
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
  const std::int64_t sequences = resid.size(0), dh = config_.d_head;
  const std::int64_t queries = config_.n_heads * dh, keys = config_.n_kv_heads * dh;
  const at::Tensor qkv = map_rows(resid, queries + 2 * keys, [&](const at::Tensor& x) {
    return apply_affine(apply_norm(x, config_, w.attn_norm), w.qkv);
  });
  const auto heads = [&](std::int64_t begin, std::int64_t width) {
    return qkv.narrow(2, begin, width).view({sequences, padded_, width / dh, dh});
  };
  at::Tensor z = attend(layer, heads(0, queries), heads(queries, keys), heads(queries + keys, keys));
  visit(Site::Z, layer, z);
  at::Tensor out = map_rows(z.reshape({sequences, padded_, queries}), config_.d_model, [&](const at::Tensor& x) {
    return apply_norm(apply_affine(x, w.out), config_, w.attn_post_norm);
  });
  visit(Site::AttnOut, layer, out);
  return out;
}

at::Tensor ForwardPass::mlp(std::int64_t layer, const at::Tensor& resid) {
  if (config_.experts.in_layer(layer)) return mixture(layer, resid);
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t width = config_.d_mlp;
  at::Tensor post = map_rows(resid, width, [&](const at::Tensor& x) {
    const at::Tensor in = apply_affine(apply_norm(x, config_, w.mlp_norm), w.in);
    if (!config_.gated_mlp) return activation_(in);
    return activation_(in.narrow(1, 0, width)) * in.narrow(1, width, width);
  });
  visit(Site::MlpPost, layer, post);
  at::Tensor out = map_rows(post, config_.d_model, [&](const at::Tensor& x) {
    return apply_norm(apply_affine(x, w.mlp_out), config_, w.mlp_post_norm);
  });
  visit(Site::MlpOut, layer, out);
  return out;
}

// hook_post of a layer with experts is wide and mostly zero: it is kept whole only where somebody watches.
at::Tensor ForwardPass::mixture(std::int64_t layer, const at::Tensor& resid) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const auto activations = [&](const at::Tensor& x) {
    return expert_activations(apply_norm(x, config_, w.mlp_norm), config_, w.experts);
  };
  const bool whole_post = watched(Site::MlpPost, layer), every_expert = whole_post && options_.differentiable;
  const auto outputs = [&](const at::Tensor& post) {
    return apply_norm(expert_outputs(post, config_, w.experts, every_expert), config_, w.mlp_post_norm);
  };
  const auto in_pieces = [](const RowFunction& function) {
    return [function](const at::Tensor& x) {
      if (x.size(0) <= kBlockRows) return function(x);
      std::vector<at::Tensor> pieces;
      for (const at::Tensor& piece : x.split(kBlockRows)) pieces.push_back(function(piece));
      return at::cat(pieces);
    };
  };
  at::Tensor out;
  if (whole_post) {
    at::Tensor post = map_rows(resid, experts_width(config_.experts), in_pieces(activations));
    visit(Site::MlpPost, layer, post);
    out = map_rows(post, config_.d_model, in_pieces(outputs));
  } else {
    out = map_rows(resid, config_.d_model, in_pieces([&](const at::Tensor& x) { return outputs(activations(x)); }));
  }
  visit(Site::MlpOut, layer, out);
  return out;
}

AttentionRule ForwardPass::rule_of(std::int64_t layer) const {
  return {config_.attention_scale, config_.attention_soft_cap,
          config_.attention[static_cast<std::size_t>(layer)].window};
}

// x [B, Tp, H, Dh]; the norm is of one head or of all heads together, as its weights are.
at::Tensor ForwardPass::norm_heads(const at::Tensor& x, const NormWeights& norm) const {
  if (!norm.gamma.defined()) return x;
  const std::int64_t width = x.size(2) * x.size(3), group = norm.gamma.size(0);
  return map_rows(x.reshape({x.size(0), padded_, width}), width, [&](const at::Tensor& rows) {
           return apply_norm(rows.reshape({-1, group}), config_, norm).view({rows.size(0), width});
         }).view(x.sizes());
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
  if (options_.cache != nullptr) extend_cache(layer, k, v);
  const AttentionRule rule = rule_of(layer);
  const auto by_head = [](const at::Tensor& x) { return x.transpose(1, 2); };  // [B, H, T, Dh]
  const auto values = [&](const at::Tensor& x) { return shared_heads(by_head(x), config_.n_heads); };
  at::Tensor z;
  if (!whole_) z = attend_in_blocks(q, k, v, rule);
  if (!whole_ && !watched(Site::Pattern, layer)) return z;
  // Watching the pattern must change no bit: it is made beside z, and only an edit of it replaces z.
  at::Tensor pattern = attention_pattern(by_head(whole_ ? q : trim(q)), by_head(whole_ ? k : trim(k)), past_, rule);
  const at::Tensor made = pattern;
  visit(Site::Pattern, layer, pattern, 2);
  if (whole_) return by_head(at::matmul(pattern, values(v)));
  if (!pattern.is_same(made)) z = pad(by_head(at::matmul(pattern, values(trim(v)))));
  return z;
}

at::Tensor ForwardPass::attend_in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                         const AttentionRule& rule) const {
  at::Tensor z = at::empty({q.size(0), padded_, config_.n_heads, config_.d_head}, q.options());
  const std::int64_t blocks = padded_ / kBlockRows;
  parallel_blocks(q.size(0) * blocks, [&](std::int64_t item) {
    const at::NoGradGuard no_grad;
    const std::int64_t sequence = item / blocks, begin = item % blocks * kBlockRows;
    // A window needs no key before that of the block's first query, cut to whole blocks.
    const std::int64_t oldest = rule.window > 0 ? std::max<std::int64_t>(begin - rule.window + 1, 0) : 0;
    const std::int64_t from = oldest / kBlockRows * kBlockRows, seen = begin + kBlockRows - from;
    const auto by_head = [&](const at::Tensor& x, std::int64_t first, std::int64_t count) {
      return x[sequence].narrow(0, first, count).transpose(0, 1).contiguous();  // [H, count, Dh]
    };
    const at::Tensor pattern =
        attention_pattern(by_head(q, begin, kBlockRows), by_head(k, from, seen), begin - from, rule);
    const at::Tensor values = shared_heads(by_head(v, from, seen), config_.n_heads);
    z[sequence].narrow(0, begin, kBlockRows).copy_(stable_batch_product(pattern, values).transpose(0, 1));
  });
  return z;
}

void ForwardPass::extend_cache(std::int64_t layer, at::Tensor& k, at::Tensor& v) const {
  KvCache& cache = *options_.cache;
  const auto at_layer = static_cast<std::size_t>(layer);
  if (cache.keys.size() <= at_layer) {
    cache.keys.resize(at_layer + 1);
    cache.values.resize(at_layer + 1);
  }
  const auto append = [](at::Tensor& seen, at::Tensor& fresh) {
    const at::Tensor by_head = fresh.transpose(1, 2);
    seen = seen.defined() ? at::cat({seen, by_head}, 2) : by_head.contiguous();
    fresh = seen.transpose(1, 2);
  };
  append(cache.keys[at_layer], k);
  append(cache.values[at_layer], v);
}

at::Tensor ForwardPass::unembed(const at::Tensor& resid) {
  const Unembed& u = weights_.unembed;
  at::Tensor normalized =
      map_rows(pad(resid), config_.d_model, [&](const at::Tensor& x) { return normalize(x, u.norm, u.eps); });
  visit(Site::FinalNorm, 0, normalized);
  return trim(map_rows(normalized, config_.d_vocab, [&](const at::Tensor& unit) { return unembed_rows(unit, u); }));
}

}  // namespace energy_lens
