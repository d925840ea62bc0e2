// Correlations of two plain series of equal length n, in fp64 and two passes. A correlation of a constant series is
// undefined and is NaN, never 0. Errors: Usage (lengths differ).
#pragma once
#include <span>
#include <vector>

namespace energy_lens {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

// sum_i x[i] y[i], in order; lengths are not checked.
double dot(std::span<const double> x, std::span<const double> y);

double pearson(std::span<const double> x, std::span<const double> y);

// Ranks 1..n; tied values share the mean of the ranks they cover.
std::vector<double> mid_ranks(std::span<const double> x);

// Pearson of the mid-ranks.
double spearman(std::span<const double> x, std::span<const double> y);

// Area under the ROC curve: P(score of a positive > score of a negative), ties counting one half. NaN with one class.
double auc(std::span<const double> scores, const std::vector<bool>& positive);

}  // namespace energy_lens
