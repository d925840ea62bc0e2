#include "energy_lens/experiment/near_copies.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

using Tokens = std::vector<std::int64_t>;

Tokens drawn(std::uint64_t index, std::int64_t count, std::uint64_t vocabulary) {
  Philox random(7, "near copies", index);
  Tokens tokens;
  for (std::int64_t t = 0; t < count; ++t) tokens.push_back(static_cast<std::int64_t>(random.below(vocabulary)));
  return tokens;
}

// Runs of 8 tokens of `tokens`, as themselves.
std::vector<Tokens> runs(const Tokens& tokens) {
  std::vector<Tokens> result;
  for (std::size_t i = 0; i + 8 <= tokens.size(); ++i) result.emplace_back(tokens.begin() + i, tokens.begin() + i + 8);
  return result;
}

TEST(NearCopies, HalfOfTheRunsDecides) {
  SeenShingles seen;
  const Tokens tokens = drawn(0, 127, 50000);  // 120 runs
  seen.keep(tokens);
  EXPECT_TRUE(seen.mostly_seen(tokens));
  // A changed token breaks the 8 runs it stands in; 7 of them break 56 runs, 8 of them 64.
  Tokens copy = tokens;
  for (std::size_t at = 10; at < 10 + 7 * 12; at += 12) copy[at] = 60000;
  EXPECT_TRUE(seen.mostly_seen(copy));
  copy[10 + 7 * 12] = 60000;
  EXPECT_FALSE(seen.mostly_seen(copy));
  // The first 67 tokens hold 60 runs, exactly half.
  Tokens begins_alike = drawn(1, 127, 50000);
  std::copy(tokens.begin(), tokens.begin() + 67, begins_alike.begin());
  EXPECT_TRUE(seen.mostly_seen(begins_alike));
  begins_alike[66] = 60000;
  EXPECT_FALSE(seen.mostly_seen(begins_alike));
}

TEST(NearCopies, UnrelatedAndShortTextsAreNone) {
  SeenShingles seen;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Tokens tokens = drawn(i, 128, 50000);
    EXPECT_FALSE(seen.mostly_seen(tokens)) << i;
    seen.keep(tokens);
  }
  seen.keep(Tokens{1, 2, 3});
  EXPECT_FALSE(seen.mostly_seen(Tokens{1, 2, 3}));
  EXPECT_FALSE(seen.mostly_seen(Tokens{}));
}

// Of a vocabulary so small that runs come again by chance: as a set of the runs themselves says.
TEST(NearCopies, EqualTheDefinitionWithoutHashes) {
  SeenShingles seen;
  std::set<Tokens> kept;
  int similar = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Tokens tokens = drawn(i, 40, 3);
    std::size_t known = 0;
    for (const Tokens& run : runs(tokens)) known += kept.count(run);
    const bool expected = 2 * known >= runs(tokens).size();
    ASSERT_EQ(seen.mostly_seen(tokens), expected) << i;
    similar += expected;
    if (expected) continue;
    seen.keep(tokens);
    for (const Tokens& run : runs(tokens)) kept.insert(run);
  }
  EXPECT_GT(similar, 50);
  EXPECT_LT(similar, 250);
}

}  // namespace
}  // namespace energy_lens
