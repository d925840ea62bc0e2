// Cluster bootstrap over documents: tokens of one document are not independent, documents are. Percentile intervals.
// Replicate b draws D documents with replacement from Philox(seed, "bootstrap", b), so every statistic of one run sees
// the same replicates and a contrast of two of them is paired. Replicates where the statistic is NaN are left out; with
// more than half of them NaN the bounds are NaN. Errors: Usage (no document, replicates < 1, level outside (0, 1)).
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "energy_lens/stats/correlation.h"

namespace energy_lens {

struct BootstrapOptions {
  std::int64_t replicates = 2000;
  double level = 0.95;
  std::uint64_t seed = 0;
};

// The documents of every replicate: draw b is index[b * D .. b * D + D).
struct Resamples {
  std::int64_t documents = 0;
  std::int64_t count = 0;
  std::vector<std::int32_t> index;  // [replicates, D]
};

Resamples document_resamples(std::int64_t documents, const BootstrapOptions& options = {});

// Any statistic of a list of documents (AUC, log-loss, ratio, regression slope).
using DocumentStatistic = std::function<double(std::span<const std::int32_t> documents)>;

Interval bootstrap_interval(const Resamples& resamples, const DocumentStatistic& statistic, double level = 0.95);

// Sums over the tokens of one document.
struct DocumentMoments {
  double n = 0.0;
  double a = 0.0;
  double s = 0.0;
  double aa = 0.0;
  double ss = 0.0;
  double as = 0.0;
};

// Pearson of the tokens of the drawn documents together.
double pooled_correlation(std::span<const DocumentMoments> moments, std::span<const std::int32_t> documents);

// Percentiles of Fisher's z, mapped back.
Interval bootstrap_correlation(const Resamples& resamples, std::span<const DocumentMoments> moments,
                               double level = 0.95);

// Interval of sum(values) / sum(weights) over documents; weights empty means 1 each.
Interval bootstrap_mean(const Resamples& resamples, std::span<const double> values,
                        std::span<const double> weights = {}, double level = 0.95);

// Quantile of sorted values by linear interpolation (Hyndman and Fan type 7). Not empty.
double sorted_quantile(std::span<const double> sorted, double q);

}  // namespace energy_lens
