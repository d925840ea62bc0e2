// Everything said of one feature from its own series: scores, interval, activity and secondary readings. What needs
// other features (families of tests, borrowed directions) is efas.cpp's.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/partial_alignment.h"
#include "energy_lens/alignment/windows.h"
#include "energy_lens/stats/bootstrap.h"
#include "energy_lens/stats/circular_shift.h"

namespace energy_lens {

struct ScoredFeature {
  FeatureScore score;            // without tests and control: those are NaN
  double activation_norm = 0.0;  // |a|, within documents
  double direction_norm = 0.0;   // |s|, within documents
};

class FeatureScorer {
 public:
  // positions: the kept ones. Holds references to input, options, windows and index.
  FeatureScorer(const EfasInput& input, const EfasOptions& options, std::span<const std::int64_t> positions,
                const Windows& windows, const FeatureIndex& index);

  // direct, expected [D * kept]: the feature's descent along both gradients, one of them empty where there is no such
  // gradient. On return they hold within-document series.
  ScoredFeature score(std::int64_t feature, std::span<double> direct, std::span<double> expected) const;

 private:
  SeriesScore norm_free(std::int64_t feature, std::span<const double> s) const;
  SecondaryReadings readings(std::int64_t feature, std::span<const double> series, std::span<const double> a,
                             std::span<const double> s) const;

  const EfasOptions& options_;
  const Windows& windows_;
  const FeatureIndex& index_;
  std::vector<bool> comparable_;    // [D]
  double comparable_share_;         // of documents
  std::vector<double> norm_scale_;  // [D * kept], empty without
  Resamples resamples_;
  CircularShifts shifts_;                      // of no document where readings are off
  std::unique_ptr<PartialAlignment> partial_;  // null without covariates
};

// The readings of a feature that has none.
SecondaryReadings no_readings();

}  // namespace energy_lens
