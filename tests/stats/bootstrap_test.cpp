#include "energy_lens/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

TEST(Bootstrap, DrawsWholeDocumentsReproducibly) {
  const Resamples first = document_resamples(10, {50, 0.95, 9}), again = document_resamples(10, {50, 0.95, 9});
  EXPECT_EQ(first.index, again.index);
  EXPECT_NE(first.index, document_resamples(10, {50, 0.95, 10}).index);
  EXPECT_EQ(std::set<int>(first.index.begin(), first.index.end()).size(), 10u);
  // More replicates extend the list; they never change the earlier ones.
  const Resamples longer = document_resamples(10, {80, 0.95, 9});
  EXPECT_TRUE(std::equal(first.index.begin(), first.index.end(), longer.index.begin()));
}

TEST(Bootstrap, MeanIntervalHasTheNormalWidth) {
  std::vector<double> values;
  Philox random(1, "values");
  for (int d = 0; d < 400; ++d) values.push_back(random.normal());
  const Interval interval = bootstrap_mean(document_resamples(400), values);
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 / std::sqrt(400.0), 0.02);
}

TEST(Bootstrap, WeightedMeanIsARatioOfSums) {
  // Equal ratios in every document: any draw has mean 3.
  const Interval interval =
      bootstrap_mean(document_resamples(3), std::vector<double>{3, 6, 30}, std::vector<double>{1, 2, 10});
  EXPECT_DOUBLE_EQ(interval.low, 3.0);
  EXPECT_DOUBLE_EQ(interval.high, 3.0);
}

TEST(Bootstrap, CorrelationOfMomentsEqualsPearsonOfTokens) {
  Philox random(2, "tokens");
  std::vector<double> a, s;
  std::vector<DocumentMoments> moments(5);
  for (int d = 0; d < 5; ++d) {
    for (int t = 0; t < 7; ++t) {
      a.push_back(random.normal() + d);
      s.push_back(random.normal() + 0.3 * a.back());
      DocumentMoments& m = moments[d];
      m = {m.n + 1,
           m.a + a.back(),
           m.s + s.back(),
           m.aa + a.back() * a.back(),
           m.ss + s.back() * s.back(),
           m.as + a.back() * s.back()};
    }
  }
  const std::vector<std::int32_t> all = {0, 1, 2, 3, 4};
  EXPECT_NEAR(pooled_correlation(moments, all), pearson(a, s), 1e-13);
}

TEST(Bootstrap, UndefinedReplicatesMakeTheBoundsUndefined) {
  const std::vector<DocumentMoments> silent(6, {4, 0, 1, 0, 3, 0});
  EXPECT_TRUE(std::isnan(bootstrap_correlation(document_resamples(6), silent).low));
}

TEST(Bootstrap, RefusesNothingToDraw) {
  EXPECT_THROW(document_resamples(0), Error);
  EXPECT_THROW(document_resamples(5, {0, 0.95, 0}), Error);
}

TEST(SortedQuantile, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> sorted = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 0.5), 3.0);
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 1.0), 8.0);
}

}  // namespace
}  // namespace energy_lens
