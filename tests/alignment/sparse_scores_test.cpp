#include "energy_lens/alignment/sparse_scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "energy_lens/core/philox.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocuments = 14, kTokens = 20;

// One feature, active on about one token in three, its codes of both signs and with many ties.
struct Study {
  explicit Study(std::uint64_t seed, std::vector<std::int64_t> strata = {})
      : windows(make_windows(kDocuments, kTokens, strata)), a(windows.size(), 0.0), s(windows.size()) {
    Philox random(seed, "sparse");
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (random.below(3) == 0) a[i] = 1.0 + static_cast<double>(random.below(4));
      if (random.below(5) == 0) a[i] = -a[i];
      s[i] = random.normal() + 0.4 * a[i] + static_cast<double>(i / kTokens % 3);
    }
  }

  std::vector<double> within(std::vector<double> x) const {
    remove_position_means(x, windows);
    remove_document_means(x, windows);
    return x;
  }

  SparseScores scores() const {
    std::vector<std::int64_t> positions(kTokens);
    std::iota(positions.begin(), positions.end(), std::int64_t{0});
    const at::Tensor values = at::tensor(a, at::kDouble).unsqueeze(1);
    const FeatureIndex index({at::zeros_like(values, at::kLong), values}, 1, kDocuments, positions);
    return sparse_scores(index, 0, s, within(s), windows);
  }

  Windows windows;
  std::vector<double> a, s;
};

TEST(SparseScores, AreWhatTheirNamesSay) {
  const Study study(1);
  const SparseScores scores = study.scores();
  std::vector<double> fires, on_a, on_s;
  const std::vector<double> within_s = study.within(study.s);
  for (std::size_t i = 0; i < study.a.size(); ++i) {
    fires.push_back(study.a[i] != 0.0);
    if (study.a[i] == 0.0) continue;
    on_a.push_back(study.a[i]);
    on_s.push_back(within_s[i]);
  }
  EXPECT_NEAR(scores.active, pearson(on_a, on_s), 1e-12);
  EXPECT_NEAR(scores.point_biserial, pearson(study.within(fires), within_s), 1e-12);
  EXPECT_NEAR(scores.spearman, pearson(study.within(mid_ranks(study.a)), study.within(mid_ranks(study.s))), 1e-12);
}

// Firing, size and order are three things.
TEST(SparseScores, TellFiringFromSizeFromOrder) {
  Study firing(2), size(2), order(2);
  for (std::size_t i = 0; i < firing.a.size(); ++i) {
    const double noise = 0.05 * firing.s[i];
    firing.s[i] = (firing.a[i] != 0.0 ? 1.0 : 0.0) + noise;
    size.s[i] = (size.a[i] != 0.0 ? size.a[i] : 0.75) + noise;
    order.a[i] = std::exp(3.0 * noise);
    order.s[i] = std::exp(60.0 * noise);
  }
  EXPECT_GT(firing.scores().point_biserial, 0.95);
  EXPECT_LT(std::abs(firing.scores().active), 0.5);
  EXPECT_GT(size.scores().active, 0.95);
  EXPECT_LT(std::abs(size.scores().point_biserial), 0.5);
  EXPECT_NEAR(order.scores().spearman, 1.0, 1e-12);
}

TEST(SparseScores, RanksSeeTheOrderAlone) {
  Study study(3), bent(3);
  for (double& value : bent.a) value = value * value * value;
  for (double& value : bent.s) value = std::exp(value);
  EXPECT_NEAR(bent.scores().spearman, study.scores().spearman, 1e-12);
  EXPECT_GT(std::abs(bent.scores().active - study.scores().active), 0.01);
}

TEST(SparseScores, NeedFiftyActiveTokensThatCanBeCompared) {
  Study study(4);
  std::int64_t active = 0;
  for (double& value : study.a) {
    if (value != 0.0 && ++active > kFewestActiveTokens) value = 0.0;
  }
  ASSERT_GT(active, kFewestActiveTokens);
  EXPECT_FALSE(std::isnan(study.scores().active));
  Study alone = study;  // the first document stands alone in its stratum: its tokens do not count
  std::vector<std::int64_t> strata(kDocuments, 1);
  strata[0] = 0;
  alone.windows = make_windows(kDocuments, kTokens, strata);
  EXPECT_TRUE(std::isnan(alone.scores().active));
  EXPECT_FALSE(std::isnan(alone.scores().point_biserial));
}

TEST(SparseScores, OfAConstantAreUndefined) {
  Study study(5);
  for (double& value : study.a) value = 2.0;
  const SparseScores scores = study.scores();
  for (const double value : {scores.active, scores.point_biserial, scores.spearman}) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace energy_lens
