#include "energy_lens/stats/sequential_permutation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "tests/support/ks.h"

namespace energy_lens {
namespace {

using testing::ks_uniform;

constexpr std::int64_t kDocuments = 14, kFeatures = 400;

// G of independent series: the diagonal is one draw among many.
std::vector<std::vector<double>> null_products() {
  std::vector<std::vector<double>> g(kFeatures);
  for (std::size_t f = 0; f < g.size(); ++f) {
    Philox random(5, "sequential", f);
    for (std::int64_t i = 0; i < kDocuments * kDocuments; ++i) g[f].push_back(random.normal());
  }
  return g;
}

ProductsOf builder(const std::vector<std::vector<double>>& g) {
  return [&g](std::span<const std::int64_t> features) {
    std::vector<DocumentProducts> products;
    for (const std::int64_t f : features) products.push_back(dense_products(g[f], kDocuments));
    return products;
  };
}

double statistic(const std::vector<double>& g, const auto& target) {
  double sum = 0.0, squares = 0.0;
  for (std::int64_t d = 0; d < kDocuments; ++d) {
    const double c = g[d * kDocuments + target(d)];
    sum += c;
    squares += c * c;
  }
  return std::abs(sum / std::sqrt(squares));
}

TEST(SequentialPermutationTest, StopsWhereAPlainLoopDoes) {
  const auto g = null_products();
  const Permutations permutations = document_permutations(kDocuments, 300, 2);
  const auto tests = sequential_permutation_test(kFeatures, builder(g), permutations, 20);
  std::int64_t stopped = 0;
  for (std::size_t f = 0; f < g.size(); ++f) {
    const double observed = statistic(g[f], [](std::int64_t d) { return d; });
    int reached = 0;
    std::int64_t used = 0;
    while (used < permutations.count && reached < 20) {
      reached += statistic(g[f], [&](std::int64_t d) { return permutations.targets(d)[used]; }) >= observed - 1e-12;
      ++used;
    }
    EXPECT_EQ(tests[f].used, used);
    EXPECT_DOUBLE_EQ(tests[f].p, reached == 20 ? 20.0 / static_cast<double>(used) : (reached + 1.0) / 301.0);
    stopped += used < permutations.count;
  }
  EXPECT_GT(stopped, kFeatures / 2);
}

TEST(SequentialPermutationTest, IsTheFullTestWhenItNeverStops) {
  const auto g = null_products();
  const Permutations permutations = document_permutations(kDocuments, 300, 2);
  const auto tests = sequential_permutation_test(kFeatures, builder(g), permutations, 301);
  const PermutationTest full = permutation_test(kFeatures, builder(g), permutations);
  for (std::size_t f = 0; f < g.size(); ++f) EXPECT_EQ(tests[f].p, full.p[f]);
}

TEST(SequentialPermutationTest, GivesValidUniformPValuesUnderTheNull) {
  const auto g = null_products();
  const auto tests = sequential_permutation_test(kFeatures, builder(g), document_permutations(kDocuments, 999, 4), 50);
  std::vector<double> p;
  for (const SequentialTest& test : tests) p.push_back(test.p);
  EXPECT_GT(ks_uniform(p).p, 0.01);
  for (const double level : {0.01, 0.05, 0.2}) {  // features are independent: three standard errors of a share
    double share = 0.0;
    for (const double value : p) share += value <= level ? 1.0 / kFeatures : 0.0;
    EXPECT_LE(share, level + 3.0 * std::sqrt(level * (1.0 - level) / kFeatures));
  }
}

TEST(SequentialPermutationTest, RefusesToStopAtNothing) {
  const auto g = null_products();
  EXPECT_THROW(sequential_permutation_test(1, builder(g), document_permutations(kDocuments, 9, 1), 0), Error);
}

}  // namespace
}  // namespace energy_lens
