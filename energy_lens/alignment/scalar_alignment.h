// Alignment of every feature with one scalar a token: EFAS-seq, EFAS-depth and the like.
#pragma once
#include "energy_lens/alignment/efas.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// features: the ids to score, ascending. positions: the kept ones; those where the series is not finite in some
// document are left out here. The family of the tests is the testable features. Errors: BadInput (values not [D, T], no
// position left).
ScalarResult scalar_alignment(const EfasInput& input, const ScalarSeries& series,
                              std::span<const std::int64_t> features, std::span<const std::int64_t> positions,
                              const EfasOptions& options, const Permutations& permutations, Progress& progress);

}  // namespace energy_lens
