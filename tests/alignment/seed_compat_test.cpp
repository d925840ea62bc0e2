#include "energy_lens/alignment/seed_compat.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "energy_lens/alignment/critical_correlation.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

TEST(SeedCompat, CopiesTheLastEnergy) {
  const at::Tensor descent = prototype_descent(at::tensor({1.0, 2.0, 4.0}));  // energies 1 2 4 4
  EXPECT_TRUE(at::equal(descent, -at::tensor({1.0, 1.5, 1.0, 0.0}, at::kDouble)));
  EXPECT_TRUE(at::equal(prototype_descent(at::tensor({3.0f})), at::zeros({2}, at::kDouble)));
  EXPECT_THROW(prototype_descent(at::empty({0})), Error);
}

TEST(SeedCompat, EqualsPearsonOfEveryShuffle) {
  constexpr std::int64_t kTokens = 12, kFeatures = 6;
  Philox random(1, "test");
  std::vector<double> values(kTokens * kFeatures), descent(kTokens);
  for (double& value : values) value = std::max(0.0, static_cast<double>(static_cast<float>(random.normal())));
  for (double& value : descent) value = random.normal();
  for (std::int64_t i = 2; i < kTokens; ++i) values[i * kFeatures + 4] = 0.0;  // two tokens: not scored
  const at::Tensor dense = at::tensor(values, at::kDouble).reshape({kTokens, kFeatures});
  const std::vector<SeedCompatScore> scores =
      seed_compat_scores({at::arange(kFeatures).repeat({kTokens, 1}), dense.to(at::kFloat)}, kFeatures,
                         at::tensor(descent, at::kDouble), {.permutations = 100, .seed = 9});
  ASSERT_EQ(scores.size(), 5u);
  for (const SeedCompatScore& score : scores) {
    ASSERT_NE(score.feature, 4);
    std::vector<double> a(kTokens), shuffled(kTokens);
    for (std::int64_t i = 0; i < kTokens; ++i) a[i] = values[i * kFeatures + score.feature];
    EXPECT_NEAR(score.r, pearson(a, descent), 1e-12);
    double reached = 0.0;
    for (std::uint64_t p = 0; p < 100; ++p) {
      std::vector<std::int64_t> order(kTokens);
      std::iota(order.begin(), order.end(), std::int64_t{0});
      Philox(9, "seed-compat", p).shuffle(order);
      for (std::int64_t i = 0; i < kTokens; ++i) shuffled[i] = descent[order[i]];
      reached += std::abs(pearson(a, shuffled)) >= std::abs(score.r) - 1e-12;
    }
    EXPECT_DOUBLE_EQ(score.prototype_p, reached / 100.0);
    EXPECT_DOUBLE_EQ(score.p, (reached + 1.0) / 101.0);
    EXPECT_EQ(score.prototype_lists, std::abs(score.r) > 0.1);
  }
}

TEST(SeedCompat, RefusesWhatItCannotScore) {
  const SparseCodes codes{at::zeros({4, 1}, at::kLong), at::ones({4, 1})};
  EXPECT_THROW(seed_compat_scores(codes, 1, at::zeros({3})), Error);
  EXPECT_THROW(seed_compat_scores(codes, 1, at::full({4}, std::nan(""))), Error);
  EXPECT_THROW(seed_compat_scores(codes, 1, at::rand({4}), {.permutations = 0}), Error);
  EXPECT_TRUE(seed_compat_scores(codes, 1, at::rand({4})).empty());  // a constant activation
}

TEST(CriticalCorrelation, MatchesTheTables) {
  EXPECT_NEAR(critical_correlation(5), 0.8783, 5e-5);
  EXPECT_NEAR(critical_correlation(12), 0.5760, 5e-5);
  EXPECT_NEAR(critical_correlation(12, 0.01), 0.7079, 5e-5);
  EXPECT_NEAR(critical_correlation(102), 0.1946, 5e-5);
  EXPECT_NEAR(critical_correlation(3), std::sin(0.475 * std::acos(-1.0)), 1e-9);  // density of theta is flat
  EXPECT_THROW(critical_correlation(2), Error);
}

}  // namespace
}  // namespace energy_lens
