#include "energy_lens/kernels/row_operations.h"

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/kernels/torch_free/lens_arena.h"

namespace energy_lens {
namespace {

// Fewer rows than this are not worth a second thread.
constexpr std::int64_t kRowGrain = 16;

// Working memory of this thread, valid until the next call.
float* thread_scratch(std::int64_t count) {
  thread_local LensArena arena;
  arena.reset(LensArena::bytes_of<float>(count));
  return arena.take<float>(count);
}

const float* numbers_or_null(const at::Tensor& x) {
  EL_ASSERT(!x.defined() || (x.scalar_type() == at::kFloat && x.is_contiguous()));
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

WeightView weight_view(const at::Tensor& w) {
  EL_ASSERT(w.scalar_type() == at::kFloat || w.scalar_type() == at::kBFloat16);
  return {w.const_data_ptr(), w.scalar_type() == at::kBFloat16, w.size(0), w.size(1), w.stride(0), w.stride(1)};
}

}  // namespace

RowView row_view(const at::Tensor& x) {
  EL_ASSERT(x.scalar_type() == at::kFloat && x.dim() == 2 && x.is_cpu() && (x.stride(1) == 1 || x.size(1) <= 1));
  return {x.data_ptr<float>(), x.stride(0)};
}

ConstRowView const_row_view(const at::Tensor& x) {
  const RowView view = row_view(x);
  return {view.values, view.stride};
}

void multiply_rows(const RowKernels& kernels, const at::Tensor& x, const at::Tensor& w, const at::Tensor& b,
                   RowActivation activation, const at::Tensor& y, RowPrecision precision) {
  EL_ASSERT(x.size(1) == w.size(0) && y.size(1) == w.size(1) && x.size(0) == y.size(0));
  const at::Tensor bias = b.defined() ? b.to(at::kFloat).contiguous() : b;
  const RowProduct product{const_row_view(x),     row_view(y), x.size(0), weight_view(w),
                           numbers_or_null(bias), activation,  precision};
  const std::int64_t panels = (w.size(1) + kernels.panel - 1) / kernels.panel;
  parallel_ranges(panels, 1, [&](std::int64_t begin, std::int64_t end) {
    kernels.multiply(product, begin, end - begin, thread_scratch(kernels.product_scratch()));
  });
}

at::Tensor row_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  at::Tensor y = at::empty({x.size(0), w.size(1)}, x.options());
  multiply_rows(best_row_kernels(), x.contiguous(), w, b, RowActivation::None, y);
  return y;
}

void norm_rows(const RowKernels& kernels, const at::Tensor& x, bool centred, double eps, const at::Tensor& gamma,
               const at::Tensor& beta, const at::Tensor& y) {
  const RowNorm norm{const_row_view(x),      row_view(y),           x.size(1),
                     numbers_or_null(gamma), numbers_or_null(beta), centred,
                     static_cast<float>(eps)};
  parallel_ranges(x.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) { kernels.norm(norm, begin, end); });
}

void gate_rows(const RowKernels& kernels, RowActivation activation, const at::Tensor& in) {
  const std::int64_t width = in.size(1) / 2;
  const RowView gate = row_view(in);
  const ConstRowView up{gate.values + width, gate.stride};
  parallel_ranges(in.size(0), kRowGrain,
                  [&](std::int64_t begin, std::int64_t end) { kernels.gate(activation, gate, up, width, begin, end); });
}

void attend_heads(const RowKernels& kernels, std::int64_t heads,
                  const std::function<HeadAttention(std::int64_t)>& head_of) {
  parallel_ranges(heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const HeadAttention head = head_of(i);
      kernels.attend(head, thread_scratch(kernels.attention_scratch(head)));
    }
  });
}

}  // namespace energy_lens
