#include "energy_lens/lens/sequence_difference.h"

#include <gtest/gtest.h>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

const at::Tensor kEnergy = at::tensor({1.0, 4.0, 9.0, 16.0, 5.0});

TEST(SequenceDifference, MatchesTheHandTable) {
  EXPECT_TRUE(at::equal(forward_difference(kEnergy).narrow(0, 0, 4), at::tensor({3.0, 5.0, 7.0, -11.0})));
  EXPECT_TRUE(at::equal(backward_difference(kEnergy).narrow(0, 1, 4), at::tensor({3.0, 5.0, 7.0, -11.0})));
  EXPECT_TRUE(at::equal(central_difference(kEnergy), at::tensor({3.0, 4.0, 6.0, -2.0, -11.0})));
  EXPECT_TRUE(forward_difference(kEnergy)[4].isnan().item<bool>());
  EXPECT_TRUE(backward_difference(kEnergy)[0].isnan().item<bool>());
}

TEST(SequenceDifference, CentralHoldsNothingOfTheTokensOwnEnergyAndNothingCrossesDocuments) {
  const at::Tensor two = at::stack({kEnergy, kEnergy + 100});
  at::Tensor moved = two.clone();
  moved[0][2] += 50;
  EXPECT_TRUE(at::equal(central_difference(two)[0][2], central_difference(moved)[0][2]));
  EXPECT_TRUE(at::equal(central_difference(two)[1], central_difference(kEnergy)));
}

TEST(SequenceDifference, RefusesASingleToken) { EXPECT_THROW(central_difference(at::ones({1})), Error); }

}  // namespace
}  // namespace energy_lens
