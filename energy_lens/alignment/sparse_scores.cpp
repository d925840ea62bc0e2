#include "energy_lens/alignment/sparse_scores.h"

#include <limits>

#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

double active_correlation(std::span<const ActiveToken> active, std::span<const double> within, const Windows& windows) {
  std::vector<double> a, s;
  for (const ActiveToken& token : active) {
    if (!windows.comparable(token.row / windows.tokens)) continue;
    a.push_back(token.value);
    s.push_back(within[token.row]);
  }
  if (static_cast<std::int64_t>(a.size()) < kFewestActiveTokens) return std::numeric_limits<double>::quiet_NaN();
  return pearson(a, s);
}

// Of x, nothing removed yet, with a series that is within documents already.
double within_correlation(std::vector<double> x, std::span<const double> within, double raw_within,
                          const Windows& windows) {
  const double raw_xx = dot(x, x);
  remove_position_means(x, windows);
  remove_document_means(x, windows);
  return residual_correlation(dot(x, within), dot(x, x), dot(within, within), raw_xx, raw_within);
}

}  // namespace

SparseScores sparse_scores(const FeatureIndex& index, std::int64_t feature, std::span<const double> series,
                           std::span<const double> within, const Windows& windows) {
  std::vector<double> fires(series.size(), 0.0), ranks = mid_ranks(series);
  for (const ActiveToken& token : index.active(feature)) fires[token.row] = 1.0;
  const double raw_ranks = dot(ranks, ranks);
  remove_position_means(ranks, windows);
  remove_document_means(ranks, windows);
  return {.active = active_correlation(index.active(feature), within, windows),
          .point_biserial = within_correlation(std::move(fires), within, dot(series, series), windows),
          .spearman = within_correlation(mid_ranks(index.dense(feature)), ranks, raw_ranks, windows)};
}

}  // namespace energy_lens
