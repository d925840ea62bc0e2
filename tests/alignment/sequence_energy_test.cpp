#include "energy_lens/alignment/sequence_energy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "efas_fixture.h"
#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

const ScalarSeries& named(const std::vector<ScalarSeries>& series, const std::string& name) {
  for (const ScalarSeries& one : series) {
    if (one.name == name) return one;
  }
  throw std::out_of_range(name);
}

TEST(SequenceSeries, LookBothWaysAndStayInTheirDocument) {
  const at::Tensor energy = at::tensor({1.0, 2.0, 4.0, 8.0, 5.0, 5.0}).reshape({2, 3});
  const std::vector<ScalarSeries> series = sequence_series(energy, 2.0 * energy);
  EXPECT_TRUE(at::equal(named(series, "seq").values,
                        -at::tensor({1.0, 1.5, 2.0, -3.0, -1.5, 0.0}, at::kDouble).reshape({2, 3})));
  EXPECT_TRUE(at::equal(named(series, "energy_before").values.slice(1, 1), energy.slice(1, 0, 2).to(at::kDouble)));
  EXPECT_TRUE(at::isnan(named(series, "energy_before").values.select(1, 0)).all().item<bool>());
  EXPECT_TRUE(at::equal(named(series, "energy_after").values.slice(1, 0, 2), energy.slice(1, 1).to(at::kDouble)));
  EXPECT_TRUE(at::isnan(named(series, "energy_after").values.select(1, 2)).all().item<bool>());
  EXPECT_TRUE(at::equal(named(series, "depth").values, 2.0 * energy.to(at::kDouble)));
  EXPECT_EQ(sequence_series(energy).size(), 4u);
}

TEST(ScalarAlignment, LeavesOutPositionsWithoutAValue) {
  EfasInput input = testing::planted_input({.documents = 30, .features = 25, .rho = {0.3}});
  at::Tensor values = -input.gradient.select(2, 0).to(at::kDouble);
  at::Tensor holed = values.clone();
  holed.select(1, 0).fill_(std::nan(""));
  input.scalars = {{"whole", values}, {"holed", holed}};
  const EfasResult result = compute_efas(input, testing::small_options());
  ASSERT_EQ(result.scalars.size(), 2u);
  EXPECT_EQ(result.scalars[0].positions, 32);
  EXPECT_EQ(result.scalars[1].positions, 31);
  // A scalar that is the descent along feature 0's own row gives its directional score.
  EXPECT_NEAR(result.scalars[0].features[0].score.within, result.scores[0].direct.within, 1e-12);
  EXPECT_FALSE(std::isnan(result.scalars[1].features[0].score.within));
  input.scalars = {{"nowhere", at::full_like(values, std::nan(""))}};
  EXPECT_THROW(compute_efas(input, testing::small_options()), Error);
}

}  // namespace
}  // namespace energy_lens
