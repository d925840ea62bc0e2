#include "energy_lens/stats/split.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace energy_lens {
namespace {

TEST(SplitOf, FollowsTheSharesWithinFourStandardErrors) {
  std::map<Split, double> counts;
  constexpr int kDocuments = 20000;
  for (int i = 0; i < kDocuments; ++i) counts[split_of("doc-" + std::to_string(i), 3)] += 1.0;
  const double error = std::sqrt(0.25 / kDocuments);
  EXPECT_NEAR(counts[Split::S] / kDocuments, 0.5, 4 * error);
  EXPECT_NEAR(counts[Split::A] / kDocuments, 0.25, 4 * error);
  EXPECT_NEAR(counts[Split::B] / kDocuments, 0.25, 4 * error);
}

TEST(SplitOf, DependsOnTheKeyAndTheSeedOnly) {
  EXPECT_EQ(split_of("a", 1), split_of("a", 1));
  int moved = 0;
  for (int i = 0; i < 100; ++i) moved += split_of(std::to_string(i), 1) != split_of(std::to_string(i), 2);
  EXPECT_GT(moved, 30);
}

TEST(SplitName, IsTheLetter) {
  EXPECT_EQ(split_name(Split::S), "S");
  EXPECT_EQ(split_name(Split::A), "A");
  EXPECT_EQ(split_name(Split::B), "B");
}

}  // namespace
}  // namespace energy_lens
