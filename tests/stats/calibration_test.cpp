#include "energy_lens/stats/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

TEST(Calibration, EqualsAHandTable) {
  // Two bins: (0, .5] holds .2 (wrong) .4 (right), (.5, 1] holds .9 (right).
  const Calibration result = calibration(std::vector<double>{0.2, 0.4, 0.9}, {false, true, true}, 2);
  EXPECT_EQ(result.bins[0].count, 2);
  EXPECT_NEAR(result.bins[0].mean_confidence, 0.3, 1e-15);
  EXPECT_NEAR(result.bins[0].accuracy, 0.5, 1e-15);
  EXPECT_NEAR(result.ece, (2.0 * 0.2 + 0.1) / 3.0, 1e-15);
  EXPECT_NEAR(result.brier, (0.04 + 0.36 + 0.01) / 3.0, 1e-15);
  EXPECT_NEAR(result.log_loss, -(std::log(0.8) + std::log(0.4) + std::log(0.9)) / 3.0, 1e-15);
}

TEST(Calibration, PutsTheEdgesOfTheUnitIntervalInTheOuterBins) {
  const Calibration result = calibration(std::vector<double>{0.0, 1.0}, {false, true});
  ASSERT_EQ(result.bins.size(), 15u);
  EXPECT_EQ(result.bins.front().count, 1);
  EXPECT_EQ(result.bins.back().count, 1);
  EXPECT_EQ(result.ece, 0.0);
  EXPECT_EQ(result.log_loss, 0.0);
}

TEST(Calibration, OfACertainMistakeIsInfiniteLogLoss) {
  EXPECT_TRUE(std::isinf(calibration(std::vector<double>{1.0}, {false}).log_loss));
}

TEST(Calibration, RefusesWhatIsNoProbability) {
  EXPECT_THROW(calibration(std::vector<double>{1.1}, {true}), Error);
  EXPECT_THROW(calibration(std::vector<double>{}, {}), Error);
}

}  // namespace
}  // namespace energy_lens
