#include "energy_lens/attractor/logistic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

std::vector<std::int64_t> all_rows(std::size_t n) {
  std::vector<std::int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

struct Planted {
  Columns columns;
  std::vector<bool> outcome;
};

Planted planted(std::size_t n, double intercept, const std::vector<double>& weights) {
  Planted data;
  Philox random(11, "test/logistic");
  for (std::size_t f = 0; f < weights.size(); ++f)
    data.columns.names.push_back(std::string(1, static_cast<char>('a' + f)));
  data.columns.values.resize(weights.size());
  for (std::size_t i = 0; i < n; ++i) {
    double z = intercept;
    for (std::size_t f = 0; f < weights.size(); ++f) {
      const double x = random.normal() * static_cast<double>(f + 1) + 5.0;
      data.columns.values[f].push_back(x);
      z += weights[f] * x;
    }
    data.outcome.push_back(random.uniform() < 1.0 / (1.0 + std::exp(-z)));
  }
  return data;
}

TEST(FitLogistic, OneBinaryColumnHasItsClosedForm) {
  // 2 x 2 table: log-odds of each group, without penalty.
  Columns columns{{"x"}, {{}}};
  std::vector<bool> outcome;
  const auto add = [&](double x, int positive, int negative) {
    for (int i = 0; i < positive + negative; ++i) {
      columns.values[0].push_back(x);
      outcome.push_back(i < positive);
    }
  };
  add(0.0, 3, 9);
  add(1.0, 14, 6);
  const Logistic model = fit_logistic(columns, outcome, all_rows(outcome.size()), {.l2 = 0.0});
  EXPECT_TRUE(model.converged);
  EXPECT_NEAR(model.probability(std::vector{0.0}), 3.0 / 12.0, 1e-9);
  EXPECT_NEAR(model.probability(std::vector{1.0}), 14.0 / 20.0, 1e-9);
}

TEST(FitLogistic, NoColumnGivesTheShareOfPositives) {
  const Logistic model = fit_logistic({}, {true, false, false, false}, all_rows(4));
  EXPECT_NEAR(model.probability({}), 0.25, 1e-9);
}

TEST(FitLogistic, RecoversPlantedWeights) {
  const std::vector<double> truth = {0.8, -0.5, 0.0};
  const Planted data = planted(40000, -1.0, truth);
  const Logistic model = fit_logistic(data.columns, data.outcome, all_rows(40000), {.l2 = 0.0});
  ASSERT_TRUE(model.converged);
  for (std::size_t f = 0; f < 3; ++f) {
    EXPECT_NEAR(model.weights[f] / model.scale[f], truth[f], 0.05) << f;  // about four standard errors
  }
}

TEST(FitLogistic, IsStationaryForThePenalisedLossByFiniteDifferences) {
  const Planted data = planted(300, 0.5, {0.3, -0.4});
  const double l2 = 3.0;
  const Logistic model = fit_logistic(data.columns, data.outcome, all_rows(300), {.l2 = l2});
  const auto loss = [&](double intercept, double w0, double w1) {
    double sum = 0.5 * l2 * (w0 * w0 + w1 * w1);
    for (std::size_t i = 0; i < 300; ++i) {
      const double z = intercept + w0 * (data.columns.values[0][i] - model.centre[0]) / model.scale[0] +
                       w1 * (data.columns.values[1][i] - model.centre[1]) / model.scale[1];
      sum += std::log1p(std::exp(-(data.outcome[i] ? z : -z)));
    }
    return sum;
  };
  const double b = model.intercept, w0 = model.weights[0], w1 = model.weights[1], h = 1e-4;
  EXPECT_NEAR((loss(b + h, w0, w1) - loss(b - h, w0, w1)) / (2 * h), 0.0, 1e-5);
  EXPECT_NEAR((loss(b, w0 + h, w1) - loss(b, w0 - h, w1)) / (2 * h), 0.0, 1e-5);
  EXPECT_NEAR((loss(b, w0, w1 + h) - loss(b, w0, w1 - h)) / (2 * h), 0.0, 1e-5);
  EXPECT_GT(loss(b, w0 + 0.1, w1), loss(b, w0, w1));
}

TEST(FitLogistic, SeparableDataStayFiniteUnderThePenalty) {
  const Columns columns{{"x"}, {{-2, -1, 1, 2}}};
  const Logistic model = fit_logistic(columns, {false, false, true, true}, all_rows(4), {.l2 = 0.1});
  EXPECT_TRUE(model.converged);
  EXPECT_LT(std::abs(model.weights[0]), 100.0);
  EXPECT_GT(model.probability(std::vector{2.0}), 0.9);
}

TEST(FitLogistic, ConstantAndRepeatedColumnsDoNoHarm) {
  const Columns single{{"x"}, {{-2, -1, 1, 2, 3}}};
  const Columns more{{"x", "constant", "x again"}, {{-2, -1, 1, 2, 3}, {7, 7, 7, 7, 7}, {-2, -1, 1, 2, 3}}};
  const std::vector<bool> outcome = {false, true, false, true, true};
  const Logistic two = fit_logistic(more, outcome, all_rows(5), {.l2 = 1.0});
  EXPECT_TRUE(two.converged);
  EXPECT_EQ(two.weights[1], 0.0);
  EXPECT_NEAR(two.weights[0], two.weights[2], 1e-9);
  // Two equal columns share the weight of one at half the penalty.
  const Logistic one = fit_logistic(single, outcome, all_rows(5), {.l2 = 0.5});
  EXPECT_NEAR(two.weights[0] + two.weights[2], one.weights[0], 1e-7);
}

TEST(FitLogistic, OneClassGivesASmoothedConstant) {
  const Columns columns{{"x"}, {{1, 2, 3}}};
  const Logistic model = fit_logistic(columns, {true, true, true}, all_rows(3));
  EXPECT_NEAR(model.probability(std::vector{-100.0}), 3.5 / 4.0, 1e-12);
}

TEST(FitLogistic, NamesTheColumnAndRowOfANaN) {
  const Columns columns{{"margin"}, {{1, std::numeric_limits<double>::quiet_NaN()}}};
  try {
    fit_logistic(columns, {true, false}, all_rows(2));
    FAIL() << "a NaN was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_NE(std::string(error.what()).find("'margin', row 1"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace energy_lens
