#include "energy_lens/stats/effective_size.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

// Stationary AR(1) of coefficient phi in each of 200 documents of 100 tokens.
std::vector<double> autoregressive(double phi, std::uint64_t stream) {
  Philox random(5, "ar", stream);
  std::vector<double> series(200 * 100);
  for (int d = 0; d < 200; ++d) {
    double previous = random.normal();
    for (int t = 0; t < 100; ++t) {
      series[d * 100 + t] = previous;
      previous = phi * previous + std::sqrt(1.0 - phi * phi) * random.normal();
    }
  }
  return series;
}

TEST(EffectiveSize, OfTwoAutoregressiveSeriesIsClosedForm) {
  const std::vector<double> a = autoregressive(0.8, 0), s = autoregressive(0.6, 1);
  const double product = 0.8 * 0.6;  // rho_a(h) rho_s(h) = product^h
  const double expected = 20000.0 * (1.0 - product) / (1.0 + product);
  EXPECT_NEAR(effective_size(a, s, 200, 100) / expected, 1.0, 0.05);
}

TEST(EffectiveSize, OfAnIndependentSeriesIsNearTheNumberOfTokens) {
  EXPECT_NEAR(effective_size(autoregressive(0.0, 2), autoregressive(0.9, 3), 200, 100) / 20000.0, 1.0, 0.05);
}

TEST(EffectiveSize, CountsNoLagAcrossDocuments) {
  // Within a document of two tokens the product of neighbours is -1 in both series; across documents it is +1.
  const std::vector<double> a = {1, -1, -1, 1, 1, -1};
  EXPECT_DOUBLE_EQ(effective_size(a, a, 3, 2), 6.0 / (1.0 + 2.0 * 0.25));
}

TEST(EffectiveSize, OfASilentFeatureIsUndefined) {
  EXPECT_TRUE(std::isnan(effective_size(std::vector<double>(4, 0.0), std::vector<double>(4, 1.0), 2, 2)));
}

}  // namespace
}  // namespace energy_lens
