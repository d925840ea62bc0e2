#include "energy_lens/lens/fused.h"

#include <algorithm>

#include "energy_lens/core/parallel.h"
#include "energy_lens/core/trace.h"
#include "energy_lens/kernels/torch_free/lens_kernel.h"

namespace energy_lens {
namespace {

// Tensors whose memory the job points to.
struct Held {
  std::vector<at::Tensor> streams;
  at::Tensor targets, w, bias, gamma, beta;
};

bool is_plain(const at::Tensor& tensor, at::ScalarType type) {
  return !tensor.defined() || (tensor.is_cpu() && tensor.scalar_type() == type);
}

// Rows apart by any stride, numbers side by side.
at::Tensor with_plain_rows(const at::Tensor& matrix) {
  return matrix.size(1) == 1 || matrix.stride(1) == 1 ? matrix : matrix.contiguous();
}

const float* data_of(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr; }

Held hold(const std::vector<at::Tensor>& streams, const at::Tensor& targets, const Unembed& u) {
  Held held;
  for (const at::Tensor& stream : streams) held.streams.push_back(with_plain_rows(stream));
  held.targets = targets.contiguous();
  held.w = with_plain_rows(u.w_u);
  held.gamma = u.gamma.contiguous();
  if (u.beta.defined()) held.beta = u.beta.contiguous();
  if (u.b_u.defined()) held.bias = u.b_u.contiguous();
  return held;
}

LensHead head_of(const Held& held, const Unembed& u) {
  LensHead head;
  head.w = {held.w.const_data_ptr(), held.w.scalar_type() == at::kBFloat16, held.w.stride(0), held.w.size(0),
            held.w.size(1)};
  head.bias = data_of(held.bias);
  head.cap = static_cast<float>(u.soft_cap);
  head.gamma = data_of(held.gamma);
  head.beta = data_of(held.beta);
  head.centre = u.norm == NormKind::LayerNorm;
  head.eps = u.eps;
  return head;
}

struct ScalarOutput {
  at::Tensor LensRows::* tensor;
  float* LensLayer::* pointer;
};

constexpr ScalarOutput kScalars[] = {{&LensRows::energy, &LensLayer::energy},
                                     {&LensRows::cross_entropy, &LensLayer::cross_entropy},
                                     {&LensRows::entropy, &LensLayer::entropy},
                                     {&LensRows::kl_to_final, &LensLayer::kl_to_final},
                                     {&LensRows::margin, &LensLayer::margin},
                                     {&LensRows::target_margin, &LensLayer::target_margin},
                                     {&LensRows::confidence, &LensLayer::confidence},
                                     {&LensRows::free_energy, &LensLayer::free_energy},
                                     {&LensRows::depth_descent, &LensLayer::depth_descent}};

LensRows allocate(const at::Tensor& stream, const LensOptions& options) {
  const std::int64_t rows = stream.size(0), width = stream.size(1);
  LensRows out;
  for (const ScalarOutput& scalar : kScalars) out.*scalar.tensor = at::empty({rows}, at::kFloat);
  out.rank = at::empty({rows}, at::kLong);
  if (options.top_k > 0) {
    out.top_ids = at::empty({rows, options.top_k}, at::kLong);
    out.top_log_probs = at::empty({rows, options.top_k}, at::kFloat);
  }
  if (options.gradient) out.gradient = at::empty({rows, width}, at::kFloat);
  if (options.expected_gradient) out.expected_gradient = at::empty({rows, width}, at::kFloat);
  return out;
}

LensLayer layer_of(const at::Tensor& stream, LensRows& out) {
  LensLayer layer;
  layer.stream = stream.const_data_ptr<float>();
  layer.stride = stream.stride(0);
  const auto pointer = [](at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<float>() : nullptr; };
  for (const ScalarOutput& scalar : kScalars) layer.*scalar.pointer = pointer(out.*scalar.tensor);
  layer.rank = out.rank.data_ptr<std::int64_t>();
  layer.top_ids = out.top_ids.defined() ? out.top_ids.data_ptr<std::int64_t>() : nullptr;
  layer.top_log_probs = pointer(out.top_log_probs);
  layer.gradient = pointer(out.gradient);
  layer.expected_gradient = pointer(out.expected_gradient);
  return layer;
}

const LensTiles& tiles_for(LensKernel kernel, bool bfloat16) {
  if (kernel == LensKernel::Generic) return generic_lens_tiles();
  return best_lens_tiles(bfloat16, kernel == LensKernel::Rounded ? LensRounding::Rows : LensRounding::None);
}

// As many chunks as threads, or a multiple of them.
LensChunk balanced_chunk(const LensJob& job, const LensTiles& tiles) {
  const std::int64_t threads = at::get_num_threads();
  LensChunk chunk = lens_chunk(job, tiles, kLensBytes / threads);
  const std::int64_t at_once = chunk.rows * threads, rounds = (job.rows + at_once - 1) / at_once;
  const std::int64_t even = (job.rows + rounds * threads - 1) / (rounds * threads);
  chunk.rows = (even + tiles.lanes - 1) / tiles.lanes * tiles.lanes;
  return chunk;
}

}  // namespace

bool fits_fused(const std::vector<at::Tensor>& streams, const Unembed& u) {
  const bool weights = is_plain(u.w_u, at::kFloat) || is_plain(u.w_u, at::kBFloat16);
  return weights && is_plain(u.gamma, at::kFloat) && is_plain(u.beta, at::kFloat) && is_plain(u.b_u, at::kFloat) &&
         std::ranges::all_of(streams, [](const at::Tensor& stream) { return is_plain(stream, at::kFloat); });
}

std::vector<LensRows> fused_lens_rows(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                      const Unembed& unembed, const LensOptions& options) {
  const Held held = hold(streams, targets, unembed);
  std::vector<LensRows> result;
  LensJob job;
  job.head = head_of(held, unembed);
  job.targets = held.targets.const_data_ptr<std::int64_t>();
  job.rows = targets.size(0);
  job.top_k = options.top_k;
  for (const at::Tensor& stream : held.streams) {
    result.push_back(allocate(stream, options));
    job.layers.push_back(layer_of(stream, result.back()));
  }
  if (job.rows == 0) return result;
  const LensTiles& tiles = tiles_for(options.kernel, job.head.w.bfloat16);
  const LensChunk chunk = balanced_chunk(job, tiles);
  parallel_blocks((job.rows + chunk.rows - 1) / chunk.rows, [&](std::int64_t block) {
    const TraceSpan span("lens rows");
    thread_local LensArena arena;
    lens_rows_of_chunk(job, chunk, block * chunk.rows, tiles, arena);
  });
  return result;
}

}  // namespace energy_lens
