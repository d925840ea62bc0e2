#include "energy_lens/stats/screened_statistic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocuments = 40, kPositions = 6, kPermutations = 1001;

// Some documents fire once, some twice, some never; common: one row for all, of size `shared`.
DocumentProducts drawn_products(double size, double shared) {
  Philox random(5, "screened");
  DocumentProducts products;
  std::vector<double> columns;
  for (std::int64_t i = 0; i < kPositions * kDocuments; ++i) columns.push_back(random.normal());
  for (std::int64_t d = 0; d < kDocuments; ++d) {
    products.common.push_back(shared * random.normal());
    for (std::int64_t firing = 0; firing < d % 3; ++firing) {
      products.firings.push_back({static_cast<std::int32_t>(d), static_cast<std::int32_t>(random.below(kPositions)),
                                  size * (random.uniform() - 0.4)});
    }
  }
  products.columns = {columns, kDocuments};
  return products;
}

// How many are known; each of them to within the error, which is no more than `most`.
std::int64_t known(const DocumentProducts& products, double most = 1e-4) {
  const PermutedStatistic exact(products);
  const Permutations permutations = document_permutations(std::ssize(products.common), kPermutations, 6);
  std::vector<float> statistics(kPermutations);
  const double error = screened_statistics(exact, permutations, statistics);
  std::int64_t count = 0;
  for (std::int64_t p = 0; p < kPermutations; ++p) {
    if (std::isnan(statistics[p])) continue;
    ++count;
    EXPECT_LE(std::abs(statistics[p] - exact.permuted(permutations, p)), error) << p;
  }
  EXPECT_TRUE(count == 0 || (error > 0.0 && error < most)) << error;
  return count;
}

TEST(ScreenedStatistics, LieWithinTheirErrorAtEveryScale) {
  for (const double size : {1.0, 1e-140, 1e120}) EXPECT_EQ(known(drawn_products(size, 0.1 * size)), kPermutations);
}

TEST(ScreenedStatistics, LieWithinTheirErrorWhereTheCommonRowIsLarge) {
  for (const double shared : {1.0, 1e3, 1e6}) EXPECT_EQ(known(drawn_products(1.0, shared)), kPermutations) << shared;
}

// Squares that cancel: every document is active and its term nearly the common row's opposite, so that what packing
// rounds and cuts off is much of what is left.
DocumentProducts cancelling_products(std::int64_t documents, double noise) {
  Philox random(8, "cancelling");
  DocumentProducts products;
  std::vector<double> column;
  for (std::int64_t d = 0; d < documents; ++d) {
    column.push_back(1.0 + noise * random.normal());
    products.common.push_back(-0.7 * (1.0 + noise * random.normal()));
    products.firings.push_back({static_cast<std::int32_t>(d), 0, 0.7});
  }
  products.columns = {column, documents};
  return products;
}

TEST(ScreenedStatistics, LieWithinTheirErrorWhereSquaresCancel) {
  for (const double noise : {0.003, 0.01, 0.1}) {
    EXPECT_EQ(known(cancelling_products(40, noise), 1.0), kPermutations) << noise;
    EXPECT_GT(known(cancelling_products(4, noise), 1.0), 0) << noise;
  }
}

TEST(ScreenedStatistics, AreUnknownWhereStepsOfSquaresLeaveTheRangeOfNumbers) {
  EXPECT_EQ(known(drawn_products(1e-155, 0.0)), 0);
  EXPECT_EQ(known(drawn_products(1.0, 1e25)), 0);
}

TEST(ScreenedStatistics, AreUnknownWhereASeriesIsNotFinite) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    DocumentProducts products = drawn_products(1.0, 0.1);
    std::vector<double> columns(static_cast<std::size_t>(kPositions * kDocuments), 0.5);
    for (std::int64_t t = 0; t < kPositions; ++t) columns[t * kDocuments + 17] = bad;
    products.columns = {columns, kDocuments};
    EXPECT_EQ(known(products), 0);
  }
}

}  // namespace
}  // namespace energy_lens
