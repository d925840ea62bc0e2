#include "energy_lens/model/row_pass.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "energy_lens/core/parallel.h"
#include "energy_lens/model/experts.h"

namespace energy_lens {
namespace {

// Rows of the MLP's inside that stand in memory at once: few enough for a last-level cache, many enough to make packing
// weights cheap.
constexpr std::int64_t kMlpRows = 1024;

}  // namespace

RowPass::RowPass(const ModelConfig& config, const ModelWeights& weights, const TokenBatch& batch,
                 const ForwardOptions& options)
    : config_(config),
      weights_(weights),
      batch_(batch),
      options_(options),
      kernels_(options.generic_kernels ? generic_row_kernels() : best_row_kernels()),
      activation_(activation_of(config.activation)),
      visits_(batch, options),
      layout_(batch),
      past_(options.cache != nullptr ? options.cache->length : 0) {
  for (const RotaryConfig& rotary : config.rotaries) rotary_.push_back(rotary_table(rotary, past_, batch.ids.size(1)));
}

void RowPass::visit(Site site, std::int64_t layer, const at::Tensor& rows) const {
  if (!visits_.watched(site, layer)) return;
  const at::Tensor value = layout_.padded(rows), result = visits_.visit(site, layer, value);
  if (!result.is_same(value)) at::Tensor(rows).copy_(layout_.packed(result));
}

void RowPass::visit_heads(Site site, std::int64_t layer, const at::Tensor& rows) const {
  visit(site, layer, rows.unflatten(1, {rows.size(1) / config_.d_head, config_.d_head}));
}

at::Tensor RowPass::embed() {
  at::Tensor rows = at::embedding(weights_.embed, layout_.packed(batch_.ids)).to(at::kFloat);
  if (config_.embed_scale != 1.0) rows.mul_(config_.embed_scale);
  visit(Site::Embed, 0, rows);
  // Every family fires the site; without learned positions it is zero.
  if (!weights_.pos_embed.defined() && !visits_.watched(Site::PosEmbed, 0)) return layout_.padded(rows);
  at::Tensor positions = at::zeros_like(rows);
  if (weights_.pos_embed.defined()) {
    for (std::int64_t b = 0; b < layout_.sequences(); ++b) {
      positions.narrow(0, layout_.first(b), layout_.length(b))
          .copy_(weights_.pos_embed.narrow(0, config_.position_offset + past_, layout_.length(b)));
    }
  }
  visit(Site::PosEmbed, 0, positions);
  return layout_.padded(rows.add_(positions));
}

at::Tensor RowPass::run_blocks(std::int64_t first_layer, const at::Tensor& entering) {
  at::Tensor resid = layout_.packed(entering).clone(at::MemoryFormat::Contiguous), spare = at::empty_like(resid);
  for (std::int64_t layer = first_layer; layer < config_.n_layers; ++layer) block(layer, resid, spare);
  if (options_.cache != nullptr) options_.cache->length += batch_.ids.size(1);
  return layout_.padded(resid);
}

void RowPass::block(std::int64_t layer, at::Tensor& resid, at::Tensor& spare) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  visit(Site::ResidPre, layer, resid);
  at::add_out(spare, resid, attention(layer, norm(resid, w.attn_norm)));
  visit(Site::ResidMid, layer, spare);
  const at::Tensor mlp_out = mlp(layer, norm(config_.parallel_residual ? resid : spare, w.mlp_norm));
  at::add_out(resid, spare, mlp_out);
  visit(Site::ResidPost, layer, resid);
}

at::Tensor RowPass::norm(const at::Tensor& x, const NormWeights& norm) {
  if (!norm.gamma.defined()) return x;
  const at::Tensor y = workspace_.rows(RowWorkspace::Normed, x.size(0), x.size(1));
  norm_rows(kernels_, x, config_.norm == NormKind::LayerNorm, config_.norm_eps, norm.gamma, norm.beta, y);
  return y;
}

at::Tensor RowPass::attention(std::int64_t layer, const at::Tensor& normed) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t queries = config_.n_heads * config_.d_head, keys = config_.n_kv_heads * config_.d_head;
  const at::Tensor qkv = workspace_.rows(RowWorkspace::Qkv, layout_.rows(), queries + 2 * keys);
  multiply_rows(kernels_, normed, w.qkv.w, w.qkv.b, RowActivation::None, qkv);
  const at::Tensor q = qkv.narrow(1, 0, queries), k = qkv.narrow(1, queries, keys);
  const at::Tensor v = qkv.narrow(1, queries + keys, keys);
  visit_heads(Site::Q, layer, q);
  visit_heads(Site::K, layer, k);
  visit_heads(Site::V, layer, v);
  prepare_heads(layer, q, k);
  const at::Tensor z = workspace_.rows(RowWorkspace::Z, layout_.rows(), queries);
  attend(layer, q, k, v, z);
  visit_heads(Site::Z, layer, z);
  const at::Tensor out = workspace_.rows(RowWorkspace::Out, layout_.rows(), config_.d_model);
  multiply_rows(kernels_, z, w.out.w, w.out.b, RowActivation::None, out);
  return finished(out, w.attn_post_norm, Site::AttnOut, layer);
}

at::Tensor RowPass::mlp(std::int64_t layer, const at::Tensor& normed) {
  if (config_.experts.in_layer(layer)) return mixture(layer, normed);
  const at::Tensor out = workspace_.rows(RowWorkspace::Out, layout_.rows(), config_.d_model);
  const std::int64_t rows = layout_.rows(), step = visits_.watched(Site::MlpPost, layer) ? rows : kMlpRows;
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    const std::int64_t count = std::min(step, rows - begin);
    mlp_rows(layer, normed.narrow(0, begin, count), out.narrow(0, begin, count));
  }
  return finished(out, weights_.blocks[static_cast<std::size_t>(layer)].mlp_post_norm, Site::MlpOut, layer);
}

void RowPass::mlp_rows(std::int64_t layer, const at::Tensor& normed, const at::Tensor& out) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const at::Tensor in = workspace_.rows(RowWorkspace::Post, normed.size(0), w.in.w.size(1));
  multiply_rows(kernels_, normed, w.in.w, w.in.b, config_.gated_mlp ? RowActivation::None : activation_.rows, in);
  if (config_.gated_mlp) gate_rows(kernels_, activation_.rows, in);
  const at::Tensor post = in.narrow(1, 0, config_.d_mlp);
  if (normed.size(0) == layout_.rows()) visit(Site::MlpPost, layer, post);
  multiply_rows(kernels_, post, w.mlp_out.w, w.mlp_out.b, RowActivation::None, out);
}

// hook_post of a layer with experts is wide and mostly zero: it is kept whole only where somebody watches.
at::Tensor RowPass::mixture(std::int64_t layer, const at::Tensor& normed) {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t rows = layout_.rows(), width = experts_width(config_.experts);
  const at::Tensor out = workspace_.rows(RowWorkspace::Out, rows, config_.d_model);
  const bool whole_post = visits_.watched(Site::MlpPost, layer);
  const at::Tensor post = whole_post ? at::empty({rows, width}, at::kFloat) : at::Tensor();
  const auto in_pieces = [&](const auto& function) {
    parallel_blocks((rows + kExpertRows - 1) / kExpertRows, [&](std::int64_t piece) {
      const at::NoGradGuard no_grad;
      const std::int64_t begin = piece * kExpertRows, count = std::min(kExpertRows, rows - begin);
      function(begin, count);
    });
  };
  const auto activations = [&](std::int64_t begin, std::int64_t count) {
    return expert_activations(normed.narrow(0, begin, count), config_, w.experts);
  };
  if (whole_post) {
    in_pieces(
        [&](std::int64_t begin, std::int64_t count) { post.narrow(0, begin, count).copy_(activations(begin, count)); });
    visit(Site::MlpPost, layer, post);
  }
  in_pieces([&](std::int64_t begin, std::int64_t count) {
    const at::Tensor piece = whole_post ? post.narrow(0, begin, count) : activations(begin, count);
    out.narrow(0, begin, count).copy_(expert_outputs(piece, config_, w.experts));
  });
  return finished(out, w.mlp_post_norm, Site::MlpOut, layer);
}

at::Tensor RowPass::finished(const at::Tensor& out, const NormWeights& post_norm, Site site, std::int64_t layer) const {
  if (post_norm.gamma.defined()) {
    norm_rows(kernels_, out, config_.norm == NormKind::LayerNorm, config_.norm_eps, post_norm.gamma, post_norm.beta,
              out);
  }
  visit(site, layer, out);
  return out;
}

at::Tensor RowPass::unembed(const at::Tensor& resid) {
  const Unembed& u = weights_.unembed;
  const at::Tensor rows = layout_.packed(resid), unit = at::empty_like(rows, at::MemoryFormat::Contiguous);
  norm_rows(kernels_, rows, u.norm == NormKind::LayerNorm, u.eps, {}, {}, unit);
  visit(Site::FinalNorm, 0, unit);
  const at::Tensor scaled = u.beta.defined() ? unit * u.gamma + u.beta : unit * u.gamma;
  at::Tensor logits = at::empty({layout_.rows(), config_.d_vocab}, scaled.options());
  // In full: the lens of the last layer must find the same logits.
  multiply_rows(kernels_, scaled, u.w_u.t(), u.b_u, RowActivation::None, logits, RowPrecision::Full);
  if (u.soft_cap != 0.0) {
    // Row by row: an operator on all rows would treat the numbers at its own end apart.
    for (std::int64_t row = 0; row < layout_.rows(); ++row) logits[row].copy_(soft_capped(logits[row], u.soft_cap));
  }
  return layout_.padded(logits);
}

}  // namespace energy_lens
