#include "energy_lens/alignment/windows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

std::vector<double> document_means(std::span<const double> x, const Windows& windows) {
  std::vector<double> means(static_cast<std::size_t>(windows.documents), 0.0);
  for (std::int64_t d = 0; d < windows.documents; ++d) {
    for (std::int64_t t = 0; t < windows.tokens; ++t) means[d] += x[d * windows.tokens + t];
    means[d] /= static_cast<double>(windows.tokens);
  }
  return means;
}

}  // namespace

Windows make_windows(std::int64_t documents, std::int64_t tokens, std::span<const std::int64_t> labels) {
  if (documents < 1 || tokens < 1 || (!labels.empty() && static_cast<std::int64_t>(labels.size()) != documents)) {
    fail(ErrorKind::Usage, "make_windows",
         "got " + std::to_string(documents) + " documents of " + std::to_string(tokens) + " tokens and " +
             std::to_string(labels.size()) + " strata labels, expected positive numbers and one label a document");
  }
  Windows windows{documents, tokens, {}, {}};
  std::map<std::int64_t, std::int64_t> dense;
  for (const std::int64_t label : labels) dense.emplace(label, 0);
  for (std::int64_t next = 0; auto& [label, id] : dense) id = next++;
  for (std::int64_t d = 0; d < documents; ++d) windows.strata.push_back(labels.empty() ? 0 : dense[labels[d]]);
  windows.sizes.assign(std::max<std::size_t>(1, dense.size()), 0);
  for (const std::int64_t stratum : windows.strata) ++windows.sizes[stratum];
  return windows;
}

std::vector<bool> Windows::comparable_documents() const {
  std::vector<bool> which;
  for (std::int64_t d = 0; d < documents; ++d) which.push_back(comparable(d));
  return which;
}

void remove_position_means(std::span<double> x, const Windows& windows) {
  const std::int64_t tokens = windows.tokens;
  std::vector<double> means(windows.sizes.size() * tokens, 0.0);
  for (std::int64_t d = 0; d < windows.documents; ++d) {
    double* mean = means.data() + windows.strata[d] * tokens;
    for (std::int64_t t = 0; t < tokens; ++t) mean[t] += x[d * tokens + t];
  }
  for (std::size_t i = 0; i < means.size(); ++i) means[i] /= static_cast<double>(windows.sizes[i / tokens]);
  for (std::int64_t d = 0; d < windows.documents; ++d) {
    const double* mean = means.data() + windows.strata[d] * tokens;
    for (std::int64_t t = 0; t < tokens; ++t) x[d * tokens + t] -= mean[t];
  }
}

void remove_document_means(std::span<double> x, const Windows& windows) {
  const std::vector<double> means = document_means(x, windows);
  for (std::int64_t i = 0; i < windows.size(); ++i) x[i] -= means[i / windows.tokens];
}

double residual_correlation(double xy, double xx, double yy, double raw_xx, double raw_yy) {
  constexpr double kRounding = 1e-24;
  if (!(xx > kRounding * raw_xx && yy > kRounding * raw_yy)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

SeriesScore score_series(std::span<double> a, std::span<double> s, const Windows& windows) {
  EL_ASSERT(static_cast<std::int64_t>(a.size()) == windows.size() && a.size() == s.size());
  SeriesScore score;
  const double n = static_cast<double>(windows.size()), raw_aa = dot(a, a), raw_ss = dot(s, s);
  score.pooled = pearson(a, s);
  for (std::size_t i = 0; i < a.size(); ++i) {
    score.mean_product += a[i] * s[i] / n;
    score.mean_abs_product += std::abs(a[i] * s[i]) / n;
  }
  remove_position_means(a, windows);
  remove_position_means(s, windows);
  score.covariance = dot(a, s) / n;
  const std::vector<double> mean_a = document_means(a, windows), mean_s = document_means(s, windows);
  const double tokens = static_cast<double>(windows.tokens), between = dot(mean_a, mean_s);
  score.covariance_between = between * tokens / n;
  score.between =
      residual_correlation(between, dot(mean_a, mean_a), dot(mean_s, mean_s), raw_aa / tokens, raw_ss / tokens);
  remove_document_means(a, windows);
  remove_document_means(s, windows);
  const double within = dot(a, s);
  score.covariance_within = within / n;
  score.within = residual_correlation(within, dot(a, a), dot(s, s), raw_aa, raw_ss);
  return score;
}

}  // namespace energy_lens
