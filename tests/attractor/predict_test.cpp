#include "energy_lens/attractor/predict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

// Outcomes depend on the baseline column and, with `strength`, on the attractor column; two rows a document.
PredictionData synthetic(std::size_t documents, double strength, std::uint64_t seed) {
  PredictionData data;
  data.baselines = {{"baseline", "noise"}, {{}, {}}};
  data.attractor = {{"attractor"}, {{}}};
  Philox random(seed, "test/prediction");
  for (std::size_t i = 0; i < 2 * documents; ++i) {
    const double x = random.normal(), y = random.normal();
    data.baselines.values[0].push_back(x);
    data.baselines.values[1].push_back(random.normal());
    data.attractor.values[0].push_back(y);
    data.outcome.push_back(random.uniform() < 1.0 / (1.0 + std::exp(-x - strength * y)));
    data.document.push_back(static_cast<std::int64_t>(i / 2));
    data.train.push_back(i / 2 % 2 == 0);
  }
  return data;
}

const PredictorScore& named(const PredictionReport& report, const std::string& name) {
  for (const PredictorScore& score : report.scores) {
    if (score.name == name) return score;
  }
  throw std::runtime_error("no score " + name);
}

TEST(PredictBehaviour, AnInformativeAttractorLowersTheHeldOutLoss) {
  const PredictionReport report = predict_behaviour(synthetic(600, 2.0, 1));
  EXPECT_EQ(report.train_rows, 600);
  EXPECT_EQ(report.test_documents, 300);
  EXPECT_FALSE(report.degenerate);
  EXPECT_LT(report.difference_interval.high, 0.0);
  EXPECT_GT(named(report, "baselines + attractor").auc, named(report, "baselines").auc + 0.05);
  EXPECT_NEAR(report.log_loss_difference,
              named(report, "baselines + attractor").log_loss - named(report, "baselines").log_loss, 1e-12);
  EXPECT_EQ(named(report, "majority").auc, 0.5);
  EXPECT_LT(named(report, "baseline").log_loss, named(report, "majority").log_loss);
}

TEST(PredictBehaviour, AnIrrelevantAttractorRarelyExcludesZeroOnTheHelpfulSide) {
  int claimed = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const PredictionReport report = predict_behaviour(synthetic(200, 0.0, seed), {}, {.replicates = 300});
    claimed += report.difference_interval.high < 0.0;
  }
  // At most 2.5 % expected of a fair interval, fewer since a useless column costs loss; 5 of 40 has p < 0.01.
  EXPECT_LT(claimed, 5);
}

TEST(PredictBehaviour, ScoresAreThoseOfBruteForce) {
  const PredictionData data = synthetic(100, 1.0, 5);
  const PredictionReport report = predict_behaviour(data);
  std::vector<std::int64_t> train, test;
  for (std::size_t i = 0; i < 200; ++i) (data.train[i] ? train : test).push_back(static_cast<std::int64_t>(i));
  const std::vector<double> p = predict(fit_logistic(data.baselines, data.outcome, train), data.baselines, test);
  double wins = 0, pairs = 0, loss = 0, brier = 0;
  for (std::size_t i = 0; i < test.size(); ++i) {
    const double y = data.outcome[test[i]] ? 1.0 : 0.0;
    loss -= y * std::log(p[i]) + (1 - y) * std::log(1 - p[i]);
    brier += (p[i] - y) * (p[i] - y);
    for (std::size_t j = 0; j < test.size(); ++j) {
      if (!data.outcome[test[i]] || data.outcome[test[j]]) continue;
      pairs += 1;
      wins += p[i] > p[j] ? 1.0 : p[i] == p[j] ? 0.5 : 0.0;
    }
  }
  const PredictorScore& score = named(report, "baselines");
  EXPECT_NEAR(score.auc, wins / pairs, 1e-12);
  EXPECT_NEAR(score.log_loss, loss / 100.0, 1e-12);
  EXPECT_NEAR(score.brier, brier / 100.0, 1e-12);
}

TEST(PredictBehaviour, NeighbouringColumnsOfOneNameAreOnePredictor) {
  PredictionData data = synthetic(60, 0.0, 4);
  data.baselines.names = {"probe", "probe"};
  const PredictionReport report = predict_behaviour(data);
  ASSERT_EQ(report.scores.size(), 4u);  // majority, probe, baselines, baselines + attractor
  EXPECT_EQ(named(report, "probe").log_loss, named(report, "baselines").log_loss);
}

TEST(PredictBehaviour, HeldOutOutcomesDoNotReachTheFit) {
  PredictionData data = synthetic(100, 1.0, 7);
  const double before = named(predict_behaviour(data), "baselines").auc;
  for (std::size_t i = 0; i < data.outcome.size(); ++i) {
    if (!data.train[i]) data.outcome[i] = !data.outcome[i];
  }
  EXPECT_NEAR(named(predict_behaviour(data), "baselines").auc, 1.0 - before, 1e-12);
}

TEST(PredictBehaviour, OneClassIsDegenerateNotASuccess) {
  PredictionData data = synthetic(20, 1.0, 9);
  data.outcome.assign(data.outcome.size(), true);
  const PredictionReport report = predict_behaviour(data);
  EXPECT_TRUE(report.degenerate);
  EXPECT_TRUE(std::isnan(named(report, "baselines").auc));
  EXPECT_EQ(report.log_loss_difference, 0.0);
}

TEST(PredictBehaviour, RefusesADocumentOnBothSides) {
  PredictionData data = synthetic(10, 1.0, 9);
  data.train[0] = !data.train[0];
  EXPECT_THROW(predict_behaviour(data), Error);
}

TEST(PredictBehaviour, RefusesAMissingHalf) {
  PredictionData data = synthetic(10, 1.0, 9);
  data.train.assign(data.train.size(), true);
  EXPECT_THROW(predict_behaviour(data), Error);
}

}  // namespace
}  // namespace energy_lens
