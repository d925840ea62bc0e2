#include "energy_lens/stats/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check_lengths(const char* operation, std::size_t x, std::size_t y) {
  if (x == y) return;
  fail(ErrorKind::Usage, operation,
       "got series of " + std::to_string(x) + " and " + std::to_string(y) + " values, expected equal lengths");
}

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

}  // namespace

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  check_lengths("pearson", x.size(), y.size());
  if (x.size() < 2) return kNaN;
  const double mean_x = mean_of(x), mean_y = mean_of(y);
  double xx = 0.0, yy = 0.0, xy = 0.0, scale_x = 0.0, scale_y = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
    scale_x = std::max(scale_x, std::abs(x[i]));
    scale_y = std::max(scale_y, std::abs(y[i]));
  }
  // A constant series leaves rounding of its mean behind; that is not variance.
  const double n = static_cast<double>(x.size()), epsilon = 4.0 * std::numeric_limits<double>::epsilon();
  if (std::sqrt(xx / n) <= epsilon * scale_x || std::sqrt(yy / n) <= epsilon * scale_y) return kNaN;
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

std::vector<double> mid_ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return x[i] < x[j]; });
  std::vector<double> ranks(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  check_lengths("spearman", x.size(), y.size());
  return pearson(mid_ranks(x), mid_ranks(y));
}

double auc(std::span<const double> scores, const std::vector<bool>& positive) {
  check_lengths("auc", scores.size(), positive.size());
  const std::vector<double> ranks = mid_ranks(scores);
  double positives = 0.0, rank_sum = 0.0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (!positive[i]) continue;
    positives += 1.0;
    rank_sum += ranks[i];
  }
  const double negatives = static_cast<double>(ranks.size()) - positives;
  if (positives == 0.0 || negatives == 0.0) return kNaN;
  return (rank_sum - 0.5 * positives * (positives + 1.0)) / (positives * negatives);
}

}  // namespace energy_lens
