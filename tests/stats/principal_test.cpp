#include "energy_lens/stats/principal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

// Rows 5 + 4 g e_1 + 2 g' u + 0.1 noise, u = (e_0 + e_2) / sqrt 2.
std::vector<std::vector<double>> planted(std::int64_t count) {
  Philox random(3, "principal", 0);
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<double> row(6);
    const double first = 4 * random.normal(), second = 2 * random.normal() / std::sqrt(2.0);
    for (double& value : row) value = 5 + 0.1 * random.normal();
    row[1] += first;
    row[0] += second;
    row[2] += second;
    rows.push_back(row);
  }
  return rows;
}

TEST(PrincipalAxes, FindsPlantedDirectionsInOrder) {
  const PrincipalAxes found = principal_axes(planted(400), 3);
  ASSERT_EQ(found.axes.size(), 3u);
  EXPECT_GT(found.axes[0][1], 0.99);
  EXPECT_GT((found.axes[1][0] + found.axes[1][2]) / std::sqrt(2.0), 0.99);
}

TEST(PrincipalAxes, AreOrthonormalWithVarianceDescendingAndAddingUp) {
  const auto rows = planted(40);
  const PrincipalAxes found = principal_axes(rows, 6);
  ASSERT_EQ(found.axes.size(), 6u);
  std::vector<double> variance(6, 0.0);
  double total = 0.0;
  for (const auto& row : rows) {
    const std::vector<double> at = found.project(row);
    for (std::size_t k = 0; k < 6; ++k) {
      variance[k] += at[k] * at[k];
      total += (row[k] - found.mean[k]) * (row[k] - found.mean[k]);
    }
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < 6; ++k) {
    sum += variance[k];
    if (k > 0) {
      EXPECT_LE(variance[k], variance[k - 1]);
    }
    for (std::size_t j = 0; j <= k; ++j) {
      double product = 0.0;
      for (std::size_t d = 0; d < 6; ++d) product += found.axes[k][d] * found.axes[j][d];
      EXPECT_NEAR(product, j == k ? 1.0 : 0.0, 1e-12);
    }
  }
  EXPECT_NEAR(sum, total, 1e-9 * total);
}

TEST(PrincipalAxes, AreAsManyAsTheRowsSpan) {
  EXPECT_EQ(principal_axes({{1, 2, 3}, {3, 2, 1}, {2, 2, 2}}, 3).axes.size(), 1u);
  EXPECT_EQ(principal_axes({{0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, 2).axes.size(), 2u);
  EXPECT_TRUE(principal_axes({{1, 2}, {1, 2}}, 2).axes.empty());
  EXPECT_THROW(principal_axes({}, 2), Error);
  EXPECT_THROW(principal_axes({{1, 2}, {1}}, 2), Error);
}

}  // namespace
}  // namespace energy_lens
