// Sequential Monte Carlo p-values (Besag and Clifford 1991): a feature whose permuted |T| has reached the data h times
// is clearly null, and the permutations left would not change that. Stopped after l of P permutations,
//   p = h / l, otherwise (b + 1) / (P + 1), the p of the full test:
// P(p <= a) <= a under the null either way. Without max-T only: a maximum needs every feature under every permutation.
// For programs that use the library on dictionaries of many features; a study's claims rest on max-T and do without.
#pragma once
#include <cstdint>
#include <vector>

#include "energy_lens/stats/permutation.h"

namespace energy_lens {

struct SequentialTest {
  double p = 1.0;         // two-sided
  std::int64_t used = 0;  // permutations looked at
};

// One entry a feature; permutations are looked at in their order. The numbers do not depend on the number of threads.
// Errors: Usage (enough < 1), Interrupted.
std::vector<SequentialTest> sequential_permutation_test(std::int64_t features, const ProductsOf& products,
                                                        const Permutations& permutations, std::int64_t enough,
                                                        Progress& progress = no_progress());

}  // namespace energy_lens
