#include "energy_lens/stats/sequential_permutation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/stats/permuted_statistic.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kFeatureBlock = 32;

SequentialTest test_one(const DocumentProducts& products, const Permutations& permutations, std::int64_t enough) {
  const PermutedStatistic exact(products);
  const double reach = std::abs(exact.observed()) * (1.0 - kPermutationTie);
  std::int64_t reached = 0;
  for (std::int64_t p = 0; p < permutations.count; ++p) {
    reached += std::abs(exact.permuted(permutations, p)) >= reach;
    if (reached == enough) return {static_cast<double>(enough) / static_cast<double>(p + 1), p + 1};
  }
  return {static_cast<double>(reached + 1) / static_cast<double>(permutations.count + 1), permutations.count};
}

}  // namespace

std::vector<SequentialTest> sequential_permutation_test(std::int64_t features, const ProductsOf& products,
                                                        const Permutations& permutations, std::int64_t enough,
                                                        Progress& progress) {
  if (enough < 1) {
    fail(ErrorKind::Usage, "sequential_permutation_test",
         "got " + std::to_string(enough) + " exceedances to stop at, expected at least 1");
  }
  progress.begin("permute documents", features);
  std::vector<SequentialTest> tests(static_cast<std::size_t>(features));
  std::vector<std::int64_t> all(tests.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  for (std::int64_t begin = 0; begin < features; begin += kFeatureBlock) {
    progress.check();
    const std::int64_t size = std::min(features - begin, kFeatureBlock);
    const std::vector<DocumentProducts> own = products(std::span<const std::int64_t>(all).subspan(begin, size));
    parallel_blocks(size, [&](std::int64_t f) { tests[begin + f] = test_one(own[f], permutations, enough); });
    progress.advance(size);
  }
  return tests;
}

}  // namespace energy_lens
