#include "energy_lens/alignment/feature_scorer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "energy_lens/alignment/permutation_family.h"
#include "energy_lens/stats/correlation.h"
#include "energy_lens/stats/effective_size.h"

namespace energy_lens {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

SeriesScore no_score() { return {kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN}; }

double negative_share(std::span<const ActiveToken> active) {
  const auto negative = std::ranges::count_if(active, [](const ActiveToken& token) { return token.value < 0.0; });
  return static_cast<double>(negative) / static_cast<double>(active.size());
}

std::vector<DocumentMoments> within_moments(std::span<const double> a, std::span<const double> s, std::int64_t tokens) {
  std::vector<DocumentMoments> moments(a.size() / tokens);
  for (std::size_t i = 0; i < a.size(); ++i) {
    DocumentMoments& m = moments[i / tokens];
    m.n += 1.0;
    m.aa += a[i] * a[i];
    m.ss += s[i] * s[i];
    m.as += a[i] * s[i];
  }
  return moments;
}

}  // namespace

FeatureScorer::FeatureScorer(const EfasInput& input, const EfasOptions& options,
                             std::span<const std::int64_t> positions, const Windows& windows, const FeatureIndex& index)
    : options_(options),
      windows_(windows),
      index_(index),
      comparable_(windows.comparable_documents()),
      comparable_share_(static_cast<double>(std::ranges::count(comparable_, true)) /
                        static_cast<double>(windows.documents)),
      resamples_(document_resamples(input.documents, {options.bootstrap_replicates, 0.95, options.seed})) {
  if (input.norm_scale.defined()) {
    const at::Tensor kept = at::tensor(at::ArrayRef<std::int64_t>(positions.data(), positions.size()), at::kLong);
    const at::Tensor scale = input.norm_scale.index_select(1, kept).to(at::kDouble).contiguous();
    norm_scale_.assign(scale.data_ptr<double>(), scale.data_ptr<double>() + scale.numel());
  }
  if (!options.readings) return;
  if (options.shifts > 0) shifts_ = circular_shifts(windows.documents, windows.tokens, options.shifts, options.seed);
  if (!input.covariates.empty()) partial_ = std::make_unique<PartialAlignment>(input, positions);
}

ScoredFeature FeatureScorer::score(std::int64_t feature, std::span<double> direct, std::span<double> expected) const {
  ScoredFeature scored;
  FeatureScore& score = scored.score;
  score.feature = feature;
  const FeatureIndex::Activity activity = index_.activity(feature, comparable_);
  score.active_tokens = activity.tokens;
  score.active_documents = activity.documents;
  score.negative_share = negative_share(index_.active(feature));
  const std::span<double> s = expected.empty() ? direct : expected;
  score.norm_free = norm_free(feature, s);
  std::vector<double> a = index_.dense(feature), other = a;
  const std::vector<double> series(s.begin(), s.end());
  const SeriesScore own = score_series(a, s, windows_);
  score.expected = expected.empty() ? no_score() : own;
  score.direct = direct.empty() ? no_score() : expected.empty() ? own : score_series(other, direct, windows_);
  score.primary = own.within;
  score.testable = is_testable(activity, options_) && !std::isnan(own.within);
  score.effective_tokens = effective_size(a, s, windows_.documents, windows_.tokens) * comparable_share_;
  score.interval = {kNaN, kNaN};
  if (score.testable) score.interval = bootstrap_correlation(resamples_, within_moments(a, s, windows_.tokens));
  score.readings = score.testable && options_.readings ? readings(feature, series, a, s) : no_readings();
  score.test = untested();
  score.control_mean = score.control_z = score.control_max_t = kNaN;
  scored.activation_norm = std::sqrt(dot(a, a));
  scored.direction_norm = std::sqrt(dot(s, s));
  return scored;
}

SeriesScore FeatureScorer::norm_free(std::int64_t feature, std::span<const double> s) const {
  if (norm_scale_.empty()) return no_score();
  std::vector<double> a = index_.dense(feature), scaled(s.begin(), s.end());
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] /= norm_scale_[i];
    scaled[i] *= norm_scale_[i];
  }
  return score_series(a, scaled, windows_);
}

// series: s with nothing removed; a, s: within documents.
SecondaryReadings FeatureScorer::readings(std::int64_t feature, std::span<const double> series,
                                          std::span<const double> a, std::span<const double> s) const {
  SecondaryReadings readings = no_readings();
  if (shifts_.count > 0) readings.shift_p = circular_shift_test(a, s, shifts_).p;
  readings.sparse = sparse_scores(index_, feature, series, s, windows_);
  if (partial_) {
    const PartialAlignment::Residuals left = partial_->residuals(index_.dense(feature), series);
    readings.partial = left.correlation;
    readings.partial_interval = bootstrap_correlation(resamples_, within_moments(left.a, left.s, partial_->tokens()));
  }
  return readings;
}

SecondaryReadings no_readings() { return {kNaN, kNaN, {kNaN, kNaN}, {kNaN, kNaN, kNaN}}; }

}  // namespace energy_lens
