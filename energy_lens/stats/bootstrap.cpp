#include "energy_lens/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

Interval percentiles(std::vector<double> values, std::int64_t replicates, double level) {
  if (!(level > 0.0 && level < 1.0)) {
    fail(ErrorKind::Usage, "bootstrap", "got level " + std::to_string(level) + ", expected a number in (0, 1)");
  }
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (2 * static_cast<std::int64_t>(values.size()) < replicates || values.empty()) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan};
  }
  std::sort(values.begin(), values.end());
  return {sorted_quantile(values, 0.5 - 0.5 * level), sorted_quantile(values, 0.5 + 0.5 * level)};
}

std::vector<double> replicate(const Resamples& resamples, const DocumentStatistic& statistic) {
  std::vector<double> values(static_cast<std::size_t>(resamples.count));
  const std::span<const std::int32_t> index(resamples.index);
  for (std::int64_t b = 0; b < resamples.count; ++b) {
    values[b] = statistic(index.subspan(b * resamples.documents, resamples.documents));
  }
  return values;
}

}  // namespace

Resamples document_resamples(std::int64_t documents, const BootstrapOptions& options) {
  if (documents < 1 || options.replicates < 1) {
    fail(ErrorKind::Usage, "document_resamples",
         "got " + std::to_string(documents) + " documents and " + std::to_string(options.replicates) +
             " replicates, expected positive numbers");
  }
  Resamples resamples{documents, options.replicates, {}};
  resamples.index.reserve(static_cast<std::size_t>(documents * options.replicates));
  for (std::int64_t b = 0; b < options.replicates; ++b) {
    Philox random(options.seed, "bootstrap", static_cast<std::uint64_t>(b));
    for (std::int64_t d = 0; d < documents; ++d) {
      resamples.index.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(documents))));
    }
  }
  return resamples;
}

Interval bootstrap_interval(const Resamples& resamples, const DocumentStatistic& statistic, double level) {
  return percentiles(replicate(resamples, statistic), resamples.count, level);
}

double pooled_correlation(std::span<const DocumentMoments> moments, std::span<const std::int32_t> documents) {
  DocumentMoments total;
  for (const std::int32_t d : documents) {
    const DocumentMoments& m = moments[d];
    total.n += m.n;
    total.a += m.a;
    total.s += m.s;
    total.aa += m.aa;
    total.ss += m.ss;
    total.as += m.as;
  }
  const double aa = total.aa - total.a * total.a / total.n, ss = total.ss - total.s * total.s / total.n;
  const double rounding = 1e-14;
  if (!(aa > rounding * total.aa && ss > rounding * total.ss)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp((total.as - total.a * total.s / total.n) / (std::sqrt(aa) * std::sqrt(ss)), -1.0, 1.0);
}

Interval bootstrap_correlation(const Resamples& resamples, std::span<const DocumentMoments> moments, double level) {
  EL_ASSERT(static_cast<std::int64_t>(moments.size()) == resamples.documents);
  const Interval z = bootstrap_interval(
      resamples,
      [&](std::span<const std::int32_t> documents) { return std::atanh(pooled_correlation(moments, documents)); },
      level);
  return {std::tanh(z.low), std::tanh(z.high)};
}

Interval bootstrap_mean(const Resamples& resamples, std::span<const double> values, std::span<const double> weights,
                        double level) {
  EL_ASSERT(static_cast<std::int64_t>(values.size()) == resamples.documents);
  EL_ASSERT(weights.empty() || weights.size() == values.size());
  const auto mean = [&](std::span<const std::int32_t> documents) {
    double sum = 0.0, weight = 0.0;
    for (const std::int32_t d : documents) {
      sum += values[d];
      weight += weights.empty() ? 1.0 : weights[d];
    }
    return sum / weight;
  };
  return bootstrap_interval(resamples, mean, level);
}

double sorted_quantile(std::span<const double> sorted, double q) {
  EL_ASSERT(!sorted.empty() && q >= 0.0 && q <= 1.0);
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  // Equal neighbours are returned as they are: infinities (z of r = 1) must not become NaN.
  if (sorted[low] == sorted[high]) return sorted[low];
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace energy_lens
