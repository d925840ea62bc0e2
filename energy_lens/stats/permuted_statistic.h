// The studentised statistic of one feature, observed and permuted, from its sparse products. Private to stats/.
#pragma once
#include <cstdint>
#include <span>

#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// Two permutations that pair the same rows in another order differ by rounding only: they are ties, counted as reached.
constexpr double kPermutationTie = 1e-11;

// Below rounding of the largest square seen the c_d are all zero.
constexpr double least_square(double largest) { return 1e-24 * largest; }

// What T would be made of if every row of G were the common one.
Term common_total(const DocumentProducts& products);

// T of the data.
double observed_statistic(const DocumentProducts& products);

// T of one permutation, without forming a row of G.
double permuted_statistic(const DocumentProducts& products, const Permutations& permutations, std::int64_t permutation);

// T of every permutation, out [P]. Rows of G are formed a few at a time and never kept.
void permuted_statistics(const DocumentProducts& products, const Permutations& permutations, std::span<double> out);

}  // namespace energy_lens
