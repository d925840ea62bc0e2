#include "energy_lens/kernels/stable_product.h"

#include <algorithm>

namespace energy_lens {
namespace {

constexpr std::int64_t kPanel = 512, kWidenedColumns = 4096;

// sum += x @ w, panel by panel.
void add_product(at::Tensor& sum, const at::Tensor& x, const at::Tensor& w) {
  const std::int64_t terms = x.size(1);
  for (std::int64_t begin = 0; begin < terms; begin += kPanel) {
    const std::int64_t size = std::min(kPanel, terms - begin);
    const at::Tensor left = x.narrow(1, begin, size), right = w.narrow(0, begin, size).to(x.scalar_type());
    sum = begin == 0 ? at::mm(left, right) : at::addmm(sum, left, right);
  }
}

}  // namespace

at::Tensor stable_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  at::Tensor sum;
  if (w.scalar_type() == x.scalar_type() || w.size(1) <= kWidenedColumns) {
    add_product(sum, x, w);
  } else {
    sum = at::empty({x.size(0), w.size(1)}, x.options());
    for (std::int64_t begin = 0; begin < w.size(1); begin += kWidenedColumns) {
      const std::int64_t size = std::min(kWidenedColumns, w.size(1) - begin);
      at::Tensor columns;
      add_product(columns, x, w.narrow(1, begin, size));
      sum.narrow(1, begin, size).copy_(columns);
    }
  }
  return b.defined() ? sum + b : sum;
}

at::Tensor stable_batch_product(const at::Tensor& x, const at::Tensor& w) {
  const std::int64_t terms = x.size(2), first = std::min(kPanel, terms);
  at::Tensor sum = at::bmm(x.narrow(2, 0, first), w.narrow(1, 0, first));
  for (std::int64_t begin = first; begin < terms; begin += kPanel) {
    const std::int64_t size = std::min(kPanel, terms - begin);
    sum = at::baddbmm(sum, x.narrow(2, begin, size), w.narrow(1, begin, size));
  }
  return sum;
}

}  // namespace energy_lens
