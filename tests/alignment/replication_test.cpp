#include "energy_lens/alignment/replication.h"

#include <gtest/gtest.h>

#include <cmath>

#include "efas_fixture.h"
#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

FeatureScore scored(std::int64_t feature, double r, double q, double greater, double less) {
  FeatureScore score;
  score.feature = feature;
  score.testable = true;
  score.primary = r;
  score.test.bh_q = q;
  score.test.p_greater = greater;
  score.test.p_less = less;
  return score;
}

EfasResult result_of(std::vector<FeatureScore> scores) {
  EfasResult result;
  result.primary = PrimaryScore::Expected;
  result.features = 10;
  result.scores = std::move(scores);
  return result;
}

TEST(Replication, FollowsTheSignFoundFirst) {
  const EfasResult a = result_of({scored(1, 0.2, 0.01, 0.005, 1), scored(3, -0.1, 0.04, 1, 0.01),
                                  scored(4, 0.3, 0.5, 0.2, 0.8), scored(8, -0.4, 0.001, 1, 0.001)});
  const EfasResult b =
      result_of({scored(1, 0.1, 1, 0.02, 0.98), scored(3, 0.05, 1, 0.3, 0.7), scored(4, 0.3, 0, 0, 1)});
  const Replication found = replicate(a, b);
  ASSERT_EQ(found.rows.size(), 3u);  // feature 4 was no discovery
  EXPECT_EQ(found.rows[0].p_b, 0.02);
  EXPECT_EQ(found.rows[1].p_b, 0.7);  // found negative, so positive on B is against it
  EXPECT_EQ(found.rows[2].p_b, 1.0);  // gone on B
  EXPECT_TRUE(std::isnan(found.rows[2].r_b));
  EXPECT_DOUBLE_EQ(found.rows[0].holm_p_b, 0.06);
  EXPECT_DOUBLE_EQ(found.rows[1].holm_p_b, 1.0);
  EXPECT_EQ(found.same_sign, 1);
  EXPECT_EQ(found.confirmed, 0);
  EXPECT_DOUBLE_EQ(found.shrinkage, (0.2 * 0.1 - 0.1 * 0.05) / (0.04 + 0.01));
  EXPECT_EQ(replicate(a, b, 0.1).confirmed, 1);
}

TEST(Replication, ConfirmsWhatIsInBothSplits) {
  const std::vector<double> rho = {0.35, -0.3, 0.25};
  const EfasResult a = compute_efas(testing::planted_input({.rho = rho, .seed = 1}), testing::small_options());
  const EfasResult b = compute_efas(testing::planted_input({.rho = rho, .seed = 2}), testing::small_options());
  const Replication found = replicate(a, b);
  EXPECT_EQ(found.confirmed, 3);
  for (const ReplicationRow& row : found.rows) EXPECT_EQ(row.confirmed, row.feature < 3) << row.feature;
  EXPECT_NEAR(found.shrinkage, 1.0, 0.35);
}

TEST(Replication, ConfirmsNothingThatOnlyTheFirstSplitHolds) {
  const EfasResult a =
      compute_efas(testing::planted_input({.rho = {0.35, -0.3, 0.25}, .seed = 1}), testing::small_options());
  const EfasResult b = compute_efas(testing::planted_input({.seed = 2}), testing::small_options());
  const Replication found = replicate(a, b);
  EXPECT_GE(found.rows.size(), 3u);
  EXPECT_EQ(found.confirmed, 0);
  EXPECT_LT(std::abs(found.shrinkage), 0.35);
}

TEST(Replication, ConfirmsNothingInASmallStudy) {
  EfasResult a = result_of({scored(1, 0.2, 0.01, 0.001, 1)}), b = a;
  EXPECT_EQ(replicate(a, b).confirmed, 1);
  b.underpowered = true;
  EXPECT_EQ(replicate(a, b).confirmed, 0);
  EXPECT_TRUE(replicate(a, b).underpowered);
}

TEST(Replication, RefusesAnotherDictionary) {
  EfasResult a = result_of({}), b = a;
  b.features = 11;
  EXPECT_THROW(replicate(a, b), Error);
}

}  // namespace
}  // namespace energy_lens
