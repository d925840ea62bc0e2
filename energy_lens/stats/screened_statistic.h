// The studentised statistic of one feature under every permutation in fixed point, with a bound on its error: what
// decides most comparisons with an observed value in a fraction of the time of fp64. Private to stats/.
#pragma once
#include <span>

#include "energy_lens/stats/permuted_statistic.h"

namespace energy_lens {

// statistics [P]: T(pi_p) to within the number returned, NaN where nothing is known.
//
// The terms x = G[d, e] - common[e] and y = G[d, e]^2 - common[e]^2 of a document are made in fp32 and cut to steps so
// coarse that sums over n documents stay inside 31 bits; both lie in one 64-bit word and are added at once. Integer
// sums are exact, so only the n cuts, less than a step each, and what fp32 rounds count.
double screened_statistics(const PermutedStatistic& exact, const Permutations& permutations,
                           std::span<float> statistics);

}  // namespace energy_lens
