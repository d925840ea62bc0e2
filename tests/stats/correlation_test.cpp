#include "energy_lens/stats/correlation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

TEST(Pearson, EqualsTheHandComputedValue) {
  // x - 3 = -2 -1 0 1 2, y - 3 = -1 -2 1 0 2: sum xy = 8, both sums of squares 10.
  const std::vector<double> x = {1, 2, 3, 4, 5}, y = {2, 1, 4, 3, 5};
  EXPECT_DOUBLE_EQ(pearson(x, y), 0.8);
}

TEST(Pearson, IsUnmovedByALargeOffset) {
  const std::vector<double> x = {1, 2, 3, 4, 5}, y = {2, 1, 4, 3, 5};
  std::vector<double> far = x;
  for (double& value : far) value += 1e9;
  EXPECT_NEAR(pearson(far, y), 0.8, 1e-12);
}

TEST(Pearson, OfAConstantSeriesIsUndefined) {
  const std::vector<double> x = {0.1, 0.1, 0.1}, y = {1, 2, 3};
  EXPECT_TRUE(std::isnan(pearson(x, y)));
  EXPECT_TRUE(std::isnan(spearman(y, x)));
}

TEST(Pearson, RefusesUnequalLengths) {
  const std::vector<double> x = {1, 2}, y = {1, 2, 3};
  EXPECT_THROW(pearson(x, y), Error);
}

TEST(Pearson, OfOneActiveTokenIsItsLeverage) {
  // A feature active on token i of N has r = z_i / sqrt(N - 1), z by the population deviation, whatever its value.
  const std::vector<double> s = {0.3, -1.2, 2.5, 0.1, -0.7, 1.9};
  std::vector<double> a(6, 0.0);
  a[2] = 3.5;
  double mean = 0.0, variance = 0.0;
  for (const double value : s) mean += value / 6.0;
  for (const double value : s) variance += (value - mean) * (value - mean) / 6.0;
  EXPECT_NEAR(pearson(a, s), (s[2] - mean) / std::sqrt(variance) / std::sqrt(5.0), 1e-14);
}

TEST(MidRanks, ShareTheMeanAmongTies) {
  const std::vector<double> x = {10, 20, 20, 5, 20, 5};
  EXPECT_EQ(mid_ranks(x), (std::vector<double>{3, 5, 5, 1.5, 5, 1.5}));
}

TEST(Spearman, WithTiesEqualsTheHandComputedValue) {
  // Ranks 1 2.5 2.5 4 and 1 3 2 4: centred products 2.25 + 0 + 0 + 2.25, sums of squares 4.5 and 5.
  const std::vector<double> x = {1, 2, 2, 3}, y = {1, 3, 2, 4};
  EXPECT_DOUBLE_EQ(spearman(x, y), 4.5 / std::sqrt(4.5 * 5.0));
}

TEST(Auc, CountsPairsAndHalvesTies) {
  // Positives .8 .4, negatives .4 .1: pairs won 1 + 1 + .5 + 1 of 4.
  EXPECT_DOUBLE_EQ(auc(std::vector<double>{0.8, 0.4, 0.4, 0.1}, {true, true, false, false}), 3.5 / 4.0);
  EXPECT_TRUE(std::isnan(auc(std::vector<double>{1, 2}, {true, true})));
}

}  // namespace
}  // namespace energy_lens
