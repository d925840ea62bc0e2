#include "energy_lens/attractor/decoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "energy_lens/attractor/cycles.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "tests/support/find_cycle.h"

namespace energy_lens {
namespace {

using testing::CycleShape;
using testing::find_cycle;

using Window = std::vector<std::int64_t>;

// A next-token function of the window alone that looks random: its token is a hash of the window.
NextTokens hashed_next(std::int64_t vocabulary) {
  return [vocabulary](const std::vector<Window>& windows) {
    Window tokens;
    for (const Window& window : windows) {
      std::uint64_t hash = 1;
      for (const std::int64_t token : window)
        hash = hash * 6364136223846793005ull + static_cast<std::uint64_t>(token) + 1;
      tokens.push_back(static_cast<std::int64_t>((hash >> 33) % static_cast<std::uint64_t>(vocabulary)));
    }
    return tokens;
  };
}

// Copies the token `lag` positions back: every full window repeats with a period dividing lag.
NextTokens copy_next(std::size_t lag) {
  return [lag](const std::vector<Window>& windows) {
    Window tokens;
    for (const Window& window : windows) tokens.push_back(window.size() < lag ? 0 : window[window.size() - lag]);
    return tokens;
  };
}

std::vector<Window> random_prompts(std::size_t count, std::size_t length, std::uint64_t vocabulary) {
  std::vector<Window> prompts(count);
  Philox random(3, "test/prompts");
  for (Window& prompt : prompts) {
    for (std::size_t t = 0; t < length; ++t) prompt.push_back(static_cast<std::int64_t>(random.below(vocabulary)));
  }
  return prompts;
}

TEST(DecodingCycles, CopyLagMapHasThePlantedPeriod) {
  const auto prompts = random_prompts(50, 30, 1000);
  for (const DecodingCycle& cycle : decoding_cycles(prompts, copy_next(16), {.window = 24, .max_steps = 100})) {
    ASSERT_TRUE(cycle.found);
    EXPECT_EQ(cycle.period, 16);
    // The first window is random beyond its last 16 tokens: 8 steps push those out.
    EXPECT_EQ(cycle.transient, 8);
    EXPECT_EQ(cycle.cycle.size(), 16u);
  }
}

// A permutation of tokens is the map of windows of one token: no transient, and each cycle's own period and name.
TEST(DecodingCycles, PermutationsGiveTheirExactCycles) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Window map(60);
    std::iota(map.begin(), map.end(), 0);
    Philox(seed, "test/permutation").shuffle(map);
    const NextTokens next = [&map](const std::vector<Window>& windows) {
      Window tokens;
      for (const Window& window : windows) tokens.push_back(map[window.back()]);
      return tokens;
    };
    std::vector<Window> prompts;
    for (std::int64_t token = 0; token < 60; ++token) prompts.push_back({token});
    const auto cycles = decoding_cycles(prompts, next, {.window = 1, .max_steps = 60});
    for (std::int64_t token = 0; token < 60; ++token) {
      Window truth = {token};
      for (std::int64_t x = map[token]; x != token; x = map[x]) truth.push_back(x);
      ASSERT_TRUE(cycles[token].found);
      EXPECT_EQ(cycles[token].transient, 0);
      EXPECT_EQ(cycles[token].period, std::ssize(truth));
      EXPECT_EQ(cycles[token].cycle, canonical_rotation(truth));
    }
  }
}

TEST(DecodingCycles, AgreeWithBrentOnTheSameMap) {
  const NextTokens next = hashed_next(3);
  const auto prompts = random_prompts(60, 9, 3);
  const auto cycles = decoding_cycles(prompts, next, {.window = 5, .max_steps = 2000, .batch = 7});
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto step = [&](Window window) {
      window.push_back(next({window})[0]);
      window.erase(window.begin());
      return window;
    };
    const CycleShape truth = find_cycle(Window(prompts[i].end() - 5, prompts[i].end()), step, 100000);
    ASSERT_TRUE(cycles[i].found);
    EXPECT_EQ(cycles[i].transient, truth.transient);
    EXPECT_EQ(cycles[i].period, truth.period);
    EXPECT_EQ(std::ssize(cycles[i].generated), truth.transient + truth.period);
  }
}

TEST(DecodingCycles, EvaluateEachDistinctWindowOnce) {
  std::set<Window> seen;
  const NextTokens plain = hashed_next(2);
  const NextTokens counting = [&](const std::vector<Window>& windows) {
    EXPECT_LE(windows.size(), 4u);
    for (const Window& window : windows) EXPECT_TRUE(seen.insert(window).second);
    return plain(windows);
  };
  decoding_cycles(random_prompts(100, 6, 2), counting, {.window = 6, .max_steps = 500, .batch = 4});
  EXPECT_LE(seen.size(), 64u);
}

TEST(DecodingCycles, ShortPromptsGrowToTheWindowFirst) {
  const auto cycles = decoding_cycles({{5}}, copy_next(2), {.window = 4, .max_steps = 50});
  // 5 | 0 5 0 5 0 ...: the first window of four tokens is (5 0 5 0), after three steps.
  ASSERT_TRUE(cycles[0].found);
  EXPECT_EQ(cycles[0].transient, 3);
  EXPECT_EQ(cycles[0].period, 2);
  EXPECT_THAT(cycles[0].cycle, ::testing::ElementsAre(0, 5));
}

TEST(DecodingCycles, NotFoundWithinTheBudgetIsSaid) {
  const auto cycles = decoding_cycles(random_prompts(1, 24, 1000), copy_next(16), {.window = 24, .max_steps = 23});
  EXPECT_FALSE(cycles[0].found);
  EXPECT_EQ(cycles[0].generated.size(), 23u);
  EXPECT_TRUE(cycles[0].cycle.empty());
}

TEST(DecodingCycles, RefuseEmptyPromptsAndWindows) {
  EXPECT_THROW(decoding_cycles({{}}, copy_next(1)), Error);
  EXPECT_THROW(decoding_cycles({{1}}, copy_next(1), {.window = 0}), Error);
}

TEST(DecodingCycles, StopWhenCancelled) {
  Progress progress;
  progress.cancel();
  EXPECT_THROW(decoding_cycles({{1}}, copy_next(1), {}, progress), Error);
}

TEST(Basins, GatherPromptsEnteringOneCycleAtDifferentPlaces) {
  const auto cycles =
      decoding_cycles({{1, 2, 3}, {9, 9, 9}, {2, 3, 1}, {9, 3, 1, 2}}, copy_next(3), {.window = 3, .max_steps = 20});
  const std::vector<Basin> result = basins(cycles);
  ASSERT_EQ(result.size(), 2u);
  EXPECT_THAT(result[0].cycle, ::testing::ElementsAre(1, 2, 3));
  EXPECT_THAT(result[0].prompts, ::testing::ElementsAre(0, 2, 3));
  EXPECT_THAT(result[1].cycle, ::testing::ElementsAre(9));
  EXPECT_THAT(result[1].prompts, ::testing::ElementsAre(1));
}

}  // namespace
}  // namespace energy_lens
