#include "energy_lens/attractor/cycles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "energy_lens/core/philox.h"
#include "tests/support/find_cycle.h"

namespace energy_lens {
namespace {

using testing::CycleShape;
using testing::find_cycle;

using Word = std::vector<std::int64_t>;

// The definition: remember every state.
CycleShape remembered(std::int64_t start, const Word& map) {
  std::map<std::int64_t, std::int64_t> seen;
  std::int64_t x = start;
  for (std::int64_t step = 0;; ++step, x = map[x]) {
    const auto [entry, fresh] = seen.try_emplace(x, step);
    if (!fresh) return {true, entry->second, step - entry->second};
  }
}

Word rotated(Word word, std::int64_t by) {
  std::rotate(word.begin(), word.begin() + by, word.end());
  return word;
}

TEST(FindCycle, RandomPermutationsHaveNoTransientAndTheirExactPeriods) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Word map(200);
    std::iota(map.begin(), map.end(), 0);
    Philox(seed, "test/permutation").shuffle(map);
    for (std::int64_t start = 0; start < 200; ++start) {
      const CycleShape shape = find_cycle(start, [&](std::int64_t x) { return map[x]; }, 1000);
      ASSERT_TRUE(shape.found);
      EXPECT_EQ(shape.transient, 0);
      EXPECT_EQ(shape.period, remembered(start, map).period);
    }
  }
}

TEST(FindCycle, RandomMapsHaveTheTransientsOfTheDefinition) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Philox random(seed, "test/map");
    Word map;
    for (int i = 0; i < 300; ++i) map.push_back(static_cast<std::int64_t>(random.below(300)));
    for (std::int64_t start = 0; start < 300; ++start) {
      const CycleShape shape = find_cycle(start, [&](std::int64_t x) { return map[x]; }, 10000);
      const CycleShape truth = remembered(start, map);
      ASSERT_TRUE(shape.found);
      EXPECT_EQ(shape.transient, truth.transient);
      EXPECT_EQ(shape.period, truth.period);
    }
  }
}

TEST(FindCycle, StopsAtItsBudgetWithoutClaimingACycle) {
  std::int64_t calls = 0;
  const CycleShape shape = find_cycle(
      std::int64_t{0},
      [&](std::int64_t x) {
        ++calls;
        return (x + 1) % 1000;
      },
      50);
  EXPECT_FALSE(shape.found);
  EXPECT_EQ(calls, 50);
}

TEST(LeastRotation, IsTheBruteForceMinimumAndItsLowestIndex) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Philox random(seed, "test/word");
    Word word(1 + random.below(12));
    for (std::int64_t& letter : word) letter = static_cast<std::int64_t>(random.below(3));
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < std::ssize(word); ++i) {
      if (rotated(word, i) < rotated(word, best)) best = i;
    }
    EXPECT_EQ(least_rotation(word), best);
    EXPECT_EQ(canonical_rotation(word), rotated(word, best));
  }
}

TEST(LeastRotation, GivesOneNameToEveryRotationOfACycle) {
  const Word word = {7, 2, 9, 2, 7, 2, 8, 50256, 0};
  for (std::int64_t i = 0; i < std::ssize(word); ++i) {
    EXPECT_EQ(canonical_rotation(rotated(word, i)), canonical_rotation(word));
  }
  EXPECT_NE(canonical_rotation(Word{1, 2, 3}), canonical_rotation(Word{1, 3, 2}));
  EXPECT_TRUE(canonical_rotation(Word{}).empty());
}

}  // namespace
}  // namespace energy_lens
