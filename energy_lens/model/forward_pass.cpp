#include "energy_lens/model/forward_pass.h"

#include <ATen/core/grad_mode.h>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/kernels/stable_product.h"

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
      whole_(options.differentiable || options.cache != nullptr),
      tokens_(batch.ids.size(1)),
      padded_(whole_ ? tokens_ : (tokens_ + kBlockRows - 1) / kBlockRows * kBlockRows),
      past_(options.cache != nullptr ? options.cache->length : 0) {}

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
    const at::Tensor view = value.narrow(token_axis, 0, tokens_);
    const at::Tensor edited = options_.editor->edit(ref, view, batch_);
    if (edited.sizes() != view.sizes() || edited.scalar_type() != view.scalar_type()) {
      fail(ErrorKind::Usage, "forward", "the editor of " + site_name(ref) + " changed the shape or dtype");
    }
    // Padding stays as it was; with autograd the edited tensor itself must flow on.
    if (whole_) {
      value = edited;
    } else if (!edited.is_same(view)) {
      at::Tensor copy = value.clone();
      copy.narrow(token_axis, 0, tokens_).copy_(edited);
      value = copy;
    }
  }
  if (options_.observer != nullptr && options_.observer->wants(ref)) {
    options_.observer->observe(ref, value.narrow(token_axis, 0, tokens_), batch_);
  }
}

at::Tensor ForwardPass::embed() {
  at::Tensor embedded = pad(at::embedding(weights_.embed, batch_.ids).to(at::kFloat));
  at::Tensor positions = pad(weights_.pos_embed.narrow(0, past_, tokens_)
                                 .to(at::kFloat)
                                 .unsqueeze(0)
                                 .expand({batch_.ids.size(0), tokens_, config_.d_model}));
  visit(Site::Embed, 0, embedded);
  visit(Site::PosEmbed, 0, positions);
  return trim(embedded + positions);
}

at::Tensor ForwardPass::run_blocks(std::int64_t first_layer, at::Tensor resid) {
  resid = pad(resid);
  for (std::int64_t layer = first_layer; layer < config_.n_layers; ++layer) resid = block(layer, std::move(resid));
  if (options_.cache != nullptr) options_.cache->length += tokens_;
  return trim(resid);
}

at::Tensor ForwardPass::block(std::int64_t layer, at::Tensor resid) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t heads = config_.n_heads, d = config_.d_model;
  visit(Site::ResidPre, layer, resid);
  const at::Tensor qkv =
      map_rows(resid, 3 * d, [&](const at::Tensor& x) {
        return affine(apply_norm(x, config_.norm, config_.norm_eps, w.attn_norm.gamma, w.attn_norm.beta), w.w_qkv,
                      w.b_qkv);
      }).view({resid.size(0), padded_, 3, heads, config_.d_head});
  at::Tensor z = attend(layer, qkv.select(2, 0), qkv.select(2, 1), qkv.select(2, 2));
  visit(Site::Z, layer, z);
  at::Tensor attn_out = map_rows(z.reshape({resid.size(0), padded_, d}), d,
                                 [&](const at::Tensor& x) { return affine(x, w.w_out, w.b_out); });
  visit(Site::AttnOut, layer, attn_out);
  resid = resid + attn_out;
  visit(Site::ResidMid, layer, resid);
  at::Tensor post = map_rows(resid, config_.d_mlp, [&](const at::Tensor& x) {
    return activation_(
        affine(apply_norm(x, config_.norm, config_.norm_eps, w.mlp_norm.gamma, w.mlp_norm.beta), w.w_in, w.b_in));
  });
  visit(Site::MlpPost, layer, post);
  at::Tensor mlp_out = map_rows(post, d, [&](const at::Tensor& x) { return affine(x, w.w_mlp_out, w.b_mlp_out); });
  visit(Site::MlpOut, layer, mlp_out);
  resid = resid + mlp_out;
  visit(Site::ResidPost, layer, resid);
  return resid;
}

at::Tensor ForwardPass::attend(std::int64_t layer, at::Tensor q, at::Tensor k, at::Tensor v) {
  visit(Site::Q, layer, q);
  visit(Site::K, layer, k);
  visit(Site::V, layer, v);
  if (options_.cache != nullptr) extend_cache(layer, k, v);
  const auto by_head = [](const at::Tensor& x) { return x.transpose(1, 2); };  // [B, H, T, Dh]
  at::Tensor z;
  if (!whole_) z = attend_in_blocks(q, k, v);
  if (!whole_ && !watched(Site::Pattern, layer)) return z;
  // Watching the pattern must change no bit: it is made beside z, and only an edit of it replaces z.
  at::Tensor pattern = attention_pattern(by_head(whole_ ? q : trim(q)), by_head(whole_ ? k : trim(k)), past_);
  const at::Tensor made = pattern;
  visit(Site::Pattern, layer, pattern, 2);
  if (whole_) return by_head(at::matmul(pattern, by_head(v)));
  if (!pattern.is_same(made)) z = pad(by_head(at::matmul(pattern, by_head(trim(v)))));
  return z;
}

at::Tensor ForwardPass::attend_in_blocks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
  at::Tensor z = at::empty({q.size(0), padded_, config_.n_heads, config_.d_head}, q.options());
  const std::int64_t blocks = padded_ / kBlockRows;
  parallel_blocks(q.size(0) * blocks, [&](std::int64_t item) {
    const at::NoGradGuard no_grad;
    const std::int64_t sequence = item / blocks, begin = item % blocks * kBlockRows, seen = begin + kBlockRows;
    const auto by_head = [&](const at::Tensor& x, std::int64_t from, std::int64_t count) {
      return x[sequence].narrow(0, from, count).transpose(0, 1).contiguous();  // [H, count, Dh]
    };
    const at::Tensor pattern = attention_pattern(by_head(q, begin, kBlockRows), by_head(k, 0, seen), begin);
    z[sequence].narrow(0, begin, kBlockRows).copy_(stable_batch_product(pattern, by_head(v, 0, seen)).transpose(0, 1));
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
  const at::Tensor logits = map_rows(normalized, config_.d_vocab, [&](const at::Tensor& n) {
    const at::Tensor y = u.beta.defined() ? n * u.gamma + u.beta : n * u.gamma;
    const at::Tensor z = stable_product(y, u.w_u.t());
    return u.b_u.defined() ? z + u.b_u : z;
  });
  return trim(logits);
}

}  // namespace energy_lens
