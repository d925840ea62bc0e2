#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "energy_lens/kernels/torch_free/exponential-inl.h"

namespace energy_lens::HWY_NAMESPACE {
namespace {

float exponential(float x) { return hn::GetLane(ExpNotPositive(hn::Set(F(), x))); }

TEST(Exponential, AgreesWithFp64WithinTwoToTheMinus23) {
  double largest = 0.0;
  for (float x = 0.0f; x >= -86.0f; x = x * 1.0001f - 1e-4f) {
    largest = std::max(largest, std::abs(exponential(x) / std::exp(static_cast<double>(x)) - 1.0));
  }
  EXPECT_LE(largest, 0x1p-23);
  EXPECT_EQ(exponential(0.0f), 1.0f);
  EXPECT_EQ(exponential(-0.0f), 1.0f);
}

TEST(Exponential, VanishesFarBelowZeroAndKeepsNaN) {
  for (const float x : {-86.1f, -200.0f, -1e30f, -std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(exponential(x), 0.0f) << x;
  }
  EXPECT_TRUE(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace energy_lens::HWY_NAMESPACE
