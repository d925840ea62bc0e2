#include "energy_lens/lens/text_lens.h"

#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/lens/streams.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::tiny_model;

TEST(TextLens, LastLayerIsTheModelsLossWhateverLayersAreAsked) {
  const auto model = tiny_model();
  const auto ids = random_ids(70, 50);
  const TextLens all = lens_of_text(*model, ids, every_layer(*model));
  ASSERT_EQ(all.rows.size(), 4u);
  EXPECT_LT(all.last_layer_difference, 1e-4);
  for (std::size_t t = 0; t < all.nll.size(); ++t) {
    EXPECT_NEAR(all.rows.back().energy[t].item<double>(), all.nll[t], 1e-4);
  }
  const TextLens one = lens_of_text(*model, ids, {1});
  EXPECT_TRUE(at::equal(one.rows[0].energy, all.rows[1].energy));
  EXPECT_TRUE(at::equal(one.rows[0].kl_to_final, all.rows[1].kl_to_final));
  EXPECT_TRUE(at::equal(one.resid[0], all.resid[1]));
}

TEST(TextLens, ZeroBlocksGiveEveryLayerTheSameEnergy) {
  const auto model = tiny_model({.zero_blocks = true});
  const TextLens lens = lens_of_text(*model, random_ids(20, 50), every_layer(*model));
  for (const LensRows& rows : lens.rows) {
    EXPECT_TRUE(at::equal(rows.energy, lens.rows.back().energy));
    EXPECT_EQ(rows.kl_to_final.abs().max().item<float>(), 0.0f);
  }
}

TEST(TextLens, AChangedTokenCannotMoveEarlierEnergies) {
  const auto model = tiny_model();
  std::vector<std::int64_t> ids = random_ids(40, 50);
  const TextLens before = lens_of_text(*model, ids, {0, 2, 3});
  ids[25] = (ids[25] + 1) % 50;
  const TextLens after = lens_of_text(*model, ids, {0, 2, 3});
  for (std::size_t layer = 0; layer < 3; ++layer) {
    // Energy 24 is that of token 25 itself.
    EXPECT_TRUE(at::equal(before.rows[layer].energy.narrow(0, 0, 24), after.rows[layer].energy.narrow(0, 0, 24)));
    EXPECT_FALSE(at::equal(before.rows[layer].energy, after.rows[layer].energy));
  }
}

TEST(TextLens, RefusesTextsWithoutANextTokenAndLayersOutsideTheModel) {
  const auto model = tiny_model();
  EXPECT_THROW(lens_of_text(*model, {3}, {0}), Error);
  EXPECT_THROW(lens_of_text(*model, {3, 4}, {4}), Error);
  EXPECT_THROW(lens_of_text(*model, {3, 4}, {-1}), Error);
}

}  // namespace
}  // namespace energy_lens
