#include "tests/support/ks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

using testing::ks_p_value;
using testing::ks_uniform;

TEST(KsUniform, StatisticOfAHandTable) {
  // At .1 .4 .7 the steps are 1/3 2/3 1: largest gap 1 - .7.
  EXPECT_NEAR(ks_uniform(std::vector<double>{0.7, 0.1, 0.4}).statistic, 0.3, 1e-15);
  EXPECT_NEAR(ks_uniform(std::vector<double>{0.9, 0.95}).statistic, 0.9, 1e-15);
}

TEST(KsUniform, PValueOfOneAndTwoValuesIsClosedForm) {
  EXPECT_NEAR(ks_p_value(0.75, 1), 1.0 - (2.0 * 0.75 - 1.0), 1e-14);
  for (const double d : {0.3, 0.45}) EXPECT_NEAR(ks_p_value(d, 2), 1.0 - 2.0 * (2 * d - 0.5) * (2 * d - 0.5), 1e-14);
  for (const double d : {0.6, 0.9}) EXPECT_NEAR(ks_p_value(d, 2), 2.0 * (1 - d) * (1 - d), 1e-14);
}

TEST(KsUniform, PValueEqualsThePublishedExample) {
  EXPECT_NEAR(1.0 - ks_p_value(0.274, 10), 0.6284796154565, 1e-12);  // Marsaglia, Tsang and Wang 2003
}

TEST(KsUniform, ExactAndAsymptoticFormsMeet) {
  for (const double x : {0.6, 1.0, 1.4}) {
    EXPECT_NEAR(ks_p_value(x / std::sqrt(200.0), 200), ks_p_value(x / std::sqrt(201.0), 201), 5e-4) << x;
  }
  EXPECT_LT(ks_p_value(0.9, 100), 1e-12);
}

TEST(KsUniform, ItsOwnPValuesAreUniformUnderTheNull) {
  std::vector<double> p_values;
  for (std::uint64_t replicate = 0; replicate < 300; ++replicate) {
    Philox random(7, "ks", replicate);
    std::vector<double> values(20);
    for (double& value : values) value = random.uniform();
    p_values.push_back(ks_uniform(values).p);
  }
  EXPECT_GT(ks_uniform(p_values).p, 0.01);
  for (double& p : p_values) p *= p;
  EXPECT_LT(ks_uniform(p_values).p, 1e-6);  // and notices when they are not
}

TEST(KsUniform, RefusesValuesOutside) {
  EXPECT_THROW(ks_uniform(std::vector<double>{}), Error);
  EXPECT_THROW(ks_uniform(std::vector<double>{1.5}), Error);
}

}  // namespace
}  // namespace energy_lens
