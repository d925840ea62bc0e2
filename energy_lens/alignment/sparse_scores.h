// Readings of an alignment that ask what its sparse activations add: whether the feature fires, how strongly, in what
// order. Each is inside documents in the sense that position means (inside strata) and document means are removed.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/windows.h"

namespace energy_lens {

// NaN for lack of variance.
struct SparseScores {
  double active = 0.0;          // Pearson over the active tokens alone; NaN with fewer than kFewestActiveTokens
  double point_biserial = 0.0;  // within-document score of 1[a != 0]: codes are signed
  double spearman = 0.0;        // within-document score of the mid-ranks of a and of s, each over all tokens
};

constexpr std::int64_t kFewestActiveTokens = 50;

// A document has too few active tokens to take means over, so `active` pairs the activation as it is with the
// within-document s, over the active tokens of documents that share their stratum. series: s [D * kept], nothing
// removed; within: its within-document series.
SparseScores sparse_scores(const FeatureIndex& index, std::int64_t feature, std::span<const double> series,
                           std::span<const double> within, const Windows& windows);

}  // namespace energy_lens
