#include "energy_lens/kernels/stable_product.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "energy_lens/core/parallel.h"

namespace energy_lens {
namespace {

at::Tensor with_threads(const at::Tensor& x, const at::Tensor& w, int threads) {
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  at::Tensor product;
  in_one_thread([&] { product = stable_product(x, w); });
  at::set_num_threads(before);
  return product;
}

TEST(StableProduct, NumberOfThreadsChangesNoBit) {
  for (const std::int64_t columns : {64, 192, 3072}) {
    for (const std::int64_t terms : {64, 768, 1024, 2048, 3072, 4096, 9000}) {
      const at::Tensor x = at::randn({64, terms}), w = at::randn({terms, columns}), wt = at::randn({columns, terms});
      EXPECT_TRUE(at::equal(with_threads(x, w, 1), with_threads(x, w, 2))) << terms << " x " << columns;
      EXPECT_TRUE(at::equal(with_threads(x, wt.t(), 1), with_threads(x, wt.t(), 2))) << terms << " x " << columns;
    }
  }
}

TEST(StableProduct, NumberOfThreadsChangesNoBitOfBatches) {
  for (const std::int64_t terms : {64, 1024, 2048}) {
    const at::Tensor x = at::randn({6, 64, terms}), w = at::randn({6, terms, 64});
    at::Tensor products[2];
    const int before = at::get_num_threads();
    for (int threads = 1; threads <= 2; ++threads) {
      at::set_num_threads(threads);
      in_one_thread([&] { products[threads - 1] = stable_batch_product(x, w); });
    }
    at::set_num_threads(before);
    EXPECT_TRUE(at::equal(products[0], products[1])) << terms;
    EXPECT_TRUE(at::allclose(products[0], at::bmm(x.to(at::kDouble), w.to(at::kDouble)).to(at::kFloat), 1e-4, 1e-3));
  }
}

TEST(StableProduct, EqualsTheProductInDoublePrecision) {
  const at::Tensor x = at::randn({5, 1300}, at::kDouble), w = at::randn({1300, 7}, at::kDouble),
                   b = at::randn({7}, at::kDouble);
  EXPECT_TRUE(at::allclose(stable_product(x, w, b), at::matmul(x, w) + b, 0, 1e-11));
  // Each entry sums 1,300 products of size about 1: rounding stays below 1,300 eps times the sum of their magnitudes.
  const at::Tensor bound = 1300 * 6e-8 * at::matmul(x.abs(), w.abs());
  const at::Tensor single = stable_product(x.to(at::kFloat), w.to(at::kFloat)).to(at::kDouble);
  EXPECT_TRUE(((single - at::matmul(x, w)).abs() <= bound).all().item<bool>());
}

}  // namespace
}  // namespace energy_lens
