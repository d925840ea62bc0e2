// The heads of a RowPass: from queries, keys and values to z.
#include "energy_lens/core/parallel.h"
#include "energy_lens/model/attention.h"
#include "energy_lens/model/kv_cache.h"
#include "energy_lens/model/row_pass.h"

namespace energy_lens {

at::Tensor RowPass::by_head(const at::Tensor& rows) const {
  return layout_.padded(rows).unflatten(2, {rows.size(1) / config_.d_head, config_.d_head}).transpose(1, 2);
}

void RowPass::prepare_heads(std::int64_t layer, const at::Tensor& q, const at::Tensor& k) const {
  const BlockWeights& w = weights_.blocks[static_cast<std::size_t>(layer)];
  norm_heads(q, w.q_norm);
  norm_heads(k, w.k_norm);
  if (rotary_.empty()) return;
  rotate_heads(layer, q);
  rotate_heads(layer, k);
}

// The norm is of one head or of all heads together, as its weights are.
void RowPass::norm_heads(const at::Tensor& x, const NormWeights& norm) const {
  if (!norm.gamma.defined()) return;
  const std::int64_t width = norm.gamma.size(0);
  for (std::int64_t begin = 0; begin < x.size(1); begin += width) {
    const at::Tensor head = x.narrow(1, begin, width);
    norm_rows(kernels_, head, config_.norm == NormKind::LayerNorm, config_.norm_eps, norm.gamma, norm.beta, head);
  }
}

void RowPass::rotate_heads(std::int64_t layer, const at::Tensor& x) const {
  const RotaryTable& table = rotary_[config_.attention[static_cast<std::size_t>(layer)].rotary];
  const RowView rows = row_view(x);
  const std::int64_t heads = x.size(1) / config_.d_head;
  parallel_ranges(x.size(0), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      rotate_in_place(rows.values + row * rows.stride, heads, config_.d_head, table, layout_.token_of(row));
    }
  });
}

void RowPass::attend(std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& z) {
  const auto& attention = config_.attention[static_cast<std::size_t>(layer)];
  const bool bfloat16 = weights_.blocks[static_cast<std::size_t>(layer)].qkv.w.scalar_type() == at::kBFloat16;
  const RowPrecision precision = bfloat16 ? RowPrecision::OfWeights : RowPrecision::Full;
  SeenKeys seen;
  if (options_.cache != nullptr) seen = append_to_cache(*options_.cache, layer, by_head(k), by_head(v));
  const std::int64_t group = config_.n_heads / config_.n_kv_heads, dh = config_.d_head;
  // Keys or values of one head: rows of the cache, or of this pass.
  const auto keys_of = [&](const at::Tensor& cached, const at::Tensor& fresh, std::int64_t b, std::int64_t head) {
    if (cached.defined()) return const_row_view(cached[b][head]);
    return const_row_view(fresh.narrow(0, layout_.first(b), layout_.length(b)).narrow(1, head * dh, dh));
  };
  attend_heads(kernels_, layout_.sequences() * config_.n_heads, [&](std::int64_t item) {
    const std::int64_t b = item / config_.n_heads, head = item % config_.n_heads;
    const auto rows_of = [&](const at::Tensor& x) {
      return row_view(x.narrow(0, layout_.first(b), layout_.length(b)).narrow(1, head * dh, dh));
    };
    HeadAttention job;
    job.q = {rows_of(q).values, rows_of(q).stride};
    job.k = keys_of(seen.keys, k, b, head / group);
    job.v = keys_of(seen.values, v, b, head / group);
    job.z = rows_of(z);
    job.queries = layout_.length(b);
    job.first_query = past_;
    job.width = dh;
    job.scale = static_cast<float>(config_.attention_scale);
    job.cap = static_cast<float>(config_.attention_soft_cap);
    job.window = attention.window;
    job.precision = precision;
    return job;
  });
  if (!visits_.watched(Site::Pattern, layer)) return;
  visit_pattern(layer, q, seen.keys.defined() ? seen.keys : by_head(k),
                seen.values.defined() ? seen.values : by_head(v), z);
}

// Watching the pattern must change no bit: it is made beside z, and only an edit of it replaces z.
void RowPass::visit_pattern(std::int64_t layer, const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const at::Tensor& z) const {
  const AttentionRule rule{config_.attention_scale, config_.attention_soft_cap,
                           config_.attention[static_cast<std::size_t>(layer)].window};
  const at::Tensor pattern = attention_pattern(by_head(q), keys, past_, rule);
  const at::Tensor result = visits_.visit(Site::Pattern, layer, pattern);
  if (result.is_same(pattern)) return;
  const at::Tensor edited = at::matmul(result, shared_heads(values, config_.n_heads)).transpose(1, 2);
  at::Tensor(z).copy_(layout_.packed(edited.flatten(2)));
}

}  // namespace energy_lens
