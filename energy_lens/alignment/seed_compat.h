// The protocol of the earlier prototype, kept under its own name for comparison only. Per text: the last energy is
// copied so that every token has one, then -central difference; per feature active on at least 3 tokens: Pearson with
// its activations over the tokens of all texts, against 100 independent token shuffles, p = b / P. The shuffles ignore
// documents and autocorrelation, so its p-values are too small; nothing else in the library uses them. Print
// critical_correlation(N) beside it.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

struct SeedCompatScore {
  std::int64_t feature = 0;
  std::int64_t active_tokens = 0;
  double r = 0.0;
  double p = 0.0;                // (b + 1) / (P + 1), two-sided
  double prototype_p = 0.0;      // b / P, which can be 0
  bool prototype_lists = false;  // |r| > 0.1: what the prototype called an alignment, whatever its p
};

struct SeedCompatOptions {
  std::int64_t permutations = 100;
  std::uint64_t seed = 0;
};

// -numpy.gradient of one text's energies [T - 1], the last of them copied: [T] fp64, one value a token.
// Errors: BadInput (no energy).
at::Tensor prototype_descent(const at::Tensor& energy);

// codes [N, S] and descent [N] of the tokens of all texts, one text after the other; K features. One entry for each
// feature the prototype would score, ascending id; a constant activation or descent gives none. Shuffle p comes from
// Philox(seed, "seed-compat", p), the same for all features. Errors: BadInput (shapes, descent not finite), Usage
// (permutations < 1).
std::vector<SeedCompatScore> seed_compat_scores(const SparseCodes& codes, std::int64_t features,
                                                const at::Tensor& descent, const SeedCompatOptions& options = {});

}  // namespace energy_lens
