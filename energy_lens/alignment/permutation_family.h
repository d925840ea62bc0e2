// One family of document-permutation tests over within-document alignment: sparse activations against a series each, or
// against one series that all features share.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/windows.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// The columns of s for each of the given features, in order; features may share one.
using ColumnsOf = std::function<std::vector<SeriesColumns>(std::span<const std::int64_t> features)>;

// s [D * kept], nothing removed yet, made within-document and turned to [kept, D]: one active token reads one
// contiguous row of it.
SeriesColumns within_columns(std::span<const double> s, const Windows& windows);

// G of a within-document series of the feature against within-document columns: then constants of a drop out, and
// silent documents share the row -sum_t mean_a[t] s[d', t].
DocumentProducts document_products(std::span<const ActiveToken> active, SeriesColumns columns, const Windows& windows);

// Tests the given features together; max-T, BH and BY are over them. One entry a feature, in order. The series must
// have variance within documents.
std::vector<AlignmentTest> test_alignment(const FeatureIndex& index, const Windows& windows,
                                          std::span<const std::int64_t> features, const ColumnsOf& columns,
                                          const Permutations& permutations, Progress& progress);

// All NaN: the entry of a feature that is in no family.
AlignmentTest untested();

// Enough active tokens in enough documents for the tests to mean something.
bool is_testable(const FeatureIndex::Activity& activity, const EfasOptions& options);

}  // namespace energy_lens
