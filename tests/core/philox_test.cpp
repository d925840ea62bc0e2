#include "energy_lens/core/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace energy_lens {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, MatchesThePublishedKnownAnswers) {
  const auto zeros = philox4x32_10({0, 0, 0, 0}, {0, 0});
  EXPECT_EQ(zeros, (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const auto ones = philox4x32_10({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u});
  EXPECT_EQ(ones, (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Philox, StreamsAreNamedBySeedPurposeAndIndex) {
  EXPECT_EQ(Philox(1, "a", 2).next(), Philox(1, "a", 2).next());
  EXPECT_NE(Philox(1, "a", 2).next(), Philox(1, "a", 3).next());
  EXPECT_NE(Philox(1, "a", 2).next(), Philox(1, "b", 2).next());
  EXPECT_NE(Philox(1, "a", 2).next(), Philox(2, "a", 2).next());
}

TEST(Philox, NormalHasUnitMoments) {
  Philox random(7, "normal");
  const int count = 200000;
  double sum = 0, square = 0;
  for (int i = 0; i < count; ++i) {
    const double draw = random.normal();
    sum += draw;
    square += draw * draw;
  }
  EXPECT_LT(std::abs(sum / count), 5 / std::sqrt(count));  // 5 standard errors
  EXPECT_LT(std::abs(square / count - 1), 5 * std::sqrt(2.0 / count));
}

TEST(Philox, ShuffleIsAUniformPermutation) {
  std::vector<int> seen(6, 0);
  for (int trial = 0; trial < 6000; ++trial) {
    std::vector<std::int64_t> items(3);
    std::iota(items.begin(), items.end(), 0);
    Philox(3, "shuffle", trial).shuffle(items);
    ++seen[items[0] * 2 + (items[1] > items[2])];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000 * 5.0 / 6));
}

}  // namespace
}  // namespace energy_lens
