#include "energy_lens/stats/multiple_testing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

const std::vector<double> kP = {0.01, 0.04, 0.03, 0.005};  // sorted .005 .01 .03 .04

void expect_all_near(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-15) << "hypothesis " << i;
}

TEST(MultipleTesting, EqualsHandTables) {
  expect_all_near(holm(kP), {0.03, 0.06, 0.06, 0.02});
  expect_all_near(benjamini_hochberg(kP), {0.02, 0.04, 0.04, 0.02});
  const double c = 1.0 + 0.5 + 1.0 / 3.0 + 0.25;
  expect_all_near(benjamini_yekutieli(kP), {0.02 * c, 0.04 * c, 0.04 * c, 0.02 * c});
}

TEST(MultipleTesting, StepUpTakesTheSmallestOfTheLaterValues) {
  // .02 * 4 / 2 = .04 at rank 2, but rank 3 gives .021 * 4 / 3 = .028.
  expect_all_near(benjamini_hochberg(std::vector<double>{0.001, 0.02, 0.021, 0.9}), {0.004, 0.028, 0.028, 0.9});
}

TEST(MultipleTesting, CapsAtOne) {
  expect_all_near(holm(std::vector<double>{0.6, 0.7}), {1.0, 1.0});
  expect_all_near(benjamini_yekutieli(std::vector<double>{0.9, 0.95}), {1.0, 1.0});
}

TEST(MultipleTesting, LeavesUntestedHypothesesOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> q = holm(std::vector<double>{0.01, nan, 0.02});
  EXPECT_DOUBLE_EQ(q[0], 0.02);
  EXPECT_TRUE(std::isnan(q[1]));
  EXPECT_DOUBLE_EQ(q[2], 0.02);
}

TEST(MultipleTesting, RefusesWhatIsNoProbability) {
  EXPECT_THROW(holm(std::vector<double>{1.5}), Error);
  EXPECT_THROW(benjamini_hochberg(std::vector<double>{-0.1}), Error);
}

}  // namespace
}  // namespace energy_lens
