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

// How many are known; each of them to within the error.
std::int64_t known(const DocumentProducts& products) {
  const PermutedStatistic exact(products);
  const Permutations permutations = document_permutations(kDocuments, kPermutations, 6);
  std::vector<float> statistics(kPermutations);
  const double error = screened_statistics(exact, permutations, statistics);
  std::int64_t count = 0;
  for (std::int64_t p = 0; p < kPermutations; ++p) {
    if (std::isnan(statistics[p])) continue;
    ++count;
    EXPECT_LE(std::abs(statistics[p] - exact.permuted(permutations, p)), error) << p;
  }
  EXPECT_TRUE(count == 0 || (error > 0.0 && error < 1e-4)) << error;
  return count;
}

TEST(ScreenedStatistics, LieWithinTheirErrorAtEveryScale) {
  for (const double size : {1.0, 1e-140, 1e120}) EXPECT_EQ(known(drawn_products(size, 0.1 * size)), kPermutations);
}

TEST(ScreenedStatistics, LieWithinTheirErrorWhereTheCommonRowIsLarge) {
  for (const double shared : {1.0, 1e3, 1e6}) EXPECT_EQ(known(drawn_products(1.0, shared)), kPermutations) << shared;
}

// What fp32 rounds is then much more than what is cut off.
TEST(ScreenedStatistics, LieWithinTheirErrorWhereFewDocumentsAreActive) {
  for (const double shared : {0.1, 1.0, 10.0}) {
    DocumentProducts products = drawn_products(1.0, shared);
    products.firings.resize(2);
    EXPECT_EQ(known(products), kPermutations) << shared;
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
