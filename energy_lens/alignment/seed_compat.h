// The score of the earlier prototype, kept under its own name for comparison only: Pearson(a_k, -central difference of
// the energies along the document) over all tokens, against independent token shuffles. The shuffles ignore
// autocorrelation and documents, so its p-values are too small; nothing else in the library uses them.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

struct SeedCompatScore {
  std::int64_t feature = 0;
  std::int64_t active_tokens = 0;
  double r = 0.0;  // NaN for a constant activation
  double p = 0.0;  // (b + 1) / (P + 1), two-sided; NaN with r
};

struct SeedCompatOptions {
  std::int64_t permutations = 100;
  std::uint64_t seed = 0;
};

// codes [D * T, S], energy [D, T] finite, K features. One entry for each feature active somewhere, ascending id.
// Shuffle p comes from Philox(seed, "seed-compat", p), the same for all features.
// Errors: BadInput (shapes, energies not finite), Usage (permutations < 1).
std::vector<SeedCompatScore> seed_compat_scores(const SparseCodes& codes, std::int64_t features,
                                                const at::Tensor& energy, const SeedCompatOptions& options = {});

}  // namespace energy_lens
