#include "energy_lens/kernels/stable_product.h"

#include <algorithm>

namespace energy_lens {
namespace {

constexpr std::int64_t kPanel = 512;

}  // namespace

at::Tensor stable_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  const std::int64_t terms = x.size(1), first = std::min(kPanel, terms);
  at::Tensor sum = at::mm(x.narrow(1, 0, first), w.narrow(0, 0, first));
  for (std::int64_t begin = first; begin < terms; begin += kPanel) {
    const std::int64_t size = std::min(kPanel, terms - begin);
    sum = at::addmm(sum, x.narrow(1, begin, size), w.narrow(0, begin, size));
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
