// The protocol of the earlier prototype, kept under its own name for comparison only. Per text: the last energy is
// copied so that every token has one, then -central difference; per feature active on at least 3 tokens: Pearson with
// its activations over the tokens of all texts, against 100 independent token shuffles, p = b / P. The shuffles ignore
// documents and autocorrelation, so its p-values are too small; nothing else in the library uses them.
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
  double p = 0.0;            // (b + 1) / (P + 1), two-sided
  double prototype_p = 0.0;  // b / P, which can be 0
  bool prototype_lists = false;  // |r| > 0.1: what the prototype called an alignment, whatever its p
};

struct SeedCompat {
  std::int64_t tokens = 0;
  std::int64_t permutations = 0;
  double critical_r = 0.0;               // of two-sided level .05 for this many independent tokens
  std::vector<SeedCompatScore> features;  // every feature the prototype would score, ascending id
};

struct SeedCompatOptions {
  std::int64_t permutations = 100;
  std::uint64_t seed = 0;
};

// codes [N, S] of the texts' tokens one text after the other, K features; energies: one a text, [tokens - 1], so that
// N = sum (size + 1). A constant activation or energy gives no score. Shuffle p comes from Philox(seed, "seed-compat",
// p), the same for all features. Errors: BadInput (shapes, a text of one token, energies not finite), Usage
// (permutations < 1).
SeedCompat seed_compat(const SparseCodes& codes, std::int64_t features, const std::vector<at::Tensor>& energies,
                       const SeedCompatOptions& options = {});

}  // namespace energy_lens
