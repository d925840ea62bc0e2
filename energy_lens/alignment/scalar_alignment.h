// Alignment of every feature with one scalar a token: EFAS-seq, EFAS-depth and the like. Effect sizes only: the family
// of hypotheses that is tested is the one of the primary score.
#pragma once
#include <span>

#include "energy_lens/alignment/efas.h"

namespace energy_lens {

// features: the ids to score, ascending. positions: the kept ones; those where the series is not finite in some
// document are left out here. Errors: BadInput (values not [D, T], no position left).
ScalarResult scalar_alignment(const EfasInput& input, const ScalarSeries& series,
                              std::span<const std::int64_t> features, std::span<const std::int64_t> positions);

}  // namespace energy_lens
