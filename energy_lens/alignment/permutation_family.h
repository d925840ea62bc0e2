// One family of document-permutation tests over within-document alignment: what EFAS and its scalar variants share.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/windows.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// The series s [F, D * kept] of the given features, nothing removed yet.
using RawSeriesOf = std::function<std::vector<double>(std::span<const std::int64_t> features)>;

// Tests the given features together; max-T, BH and BY are over them. One entry a feature, in order. The series must
// have variance within documents.
std::vector<AlignmentTest> test_alignment(const FeatureIndex& index, const Windows& windows,
                                          std::span<const std::int64_t> features, const RawSeriesOf& series,
                                          const Permutations& permutations, Progress& progress);

// All NaN: the entry of a feature that is in no family.
AlignmentTest untested();

// Enough active tokens in enough documents for the tests to mean something.
bool is_testable(const FeatureIndex& index, std::int64_t feature, const EfasOptions& options);

}  // namespace energy_lens
