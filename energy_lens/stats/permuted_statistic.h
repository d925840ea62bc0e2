// The studentised statistic of one feature, observed and permuted, from its sparse products. Private to stats/.
#pragma once
#include <cstdint>
#include <span>

#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// Two permutations that pair the same rows in another order differ by rounding only: they are ties, counted as reached.
constexpr double kPermutationTie = 1e-11;

// T of the data.
double observed_statistic(const DocumentProducts& products);

// T of permutations begin .. begin + out.size() - 1. Rows of G are formed a few at a time and never kept.
void permuted_statistics(const DocumentProducts& products, const Permutations& permutations, std::int64_t begin,
                         std::span<double> out);

}  // namespace energy_lens
