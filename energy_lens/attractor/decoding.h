// Greedy decoding through a fixed window as a deterministic map: the state is the last W tokens, a step appends the
// argmax and drops the oldest token. The state space is finite, so every prompt ends in a cycle of windows; that cycle
// is the attractor, and the prompts that reach it are its basin.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "energy_lens/core/progress.h"

namespace energy_lens {

// The next token of each window, in order. Must be a function: equal windows, equal tokens (greedy.h makes a model's).
using NextTokens = std::function<std::vector<std::int64_t>(const std::vector<std::vector<std::int64_t>>& windows)>;

struct DecodingOptions {
  std::int64_t window = 24;  // W
  std::int64_t max_steps = 700;
  std::int64_t batch = 16;  // windows a call
};

struct DecodingCycle {
  bool found = false;                   // false: no window came back within max_steps
  std::int64_t transient = 0;           // steps before the first window on the cycle
  std::int64_t period = 0;              // windows, and tokens, of the cycle
  std::vector<std::int64_t> cycle;      // the tokens of one period in canonical rotation; empty when not found
  std::vector<std::int64_t> generated;  // the tokens appended, once around the cycle at least when found
};

// One result a prompt, in order. Prompts longer than W start from their last W tokens; shorter ones grow to W first.
// Each distinct window is evaluated once for all prompts. Detection is exact (windows are compared, not hashes).
// Errors: Usage (window, max_steps or batch < 1), BadInput (empty prompt), Interrupted; those of the model.
std::vector<DecodingCycle> decoding_cycles(const std::vector<std::vector<std::int64_t>>& prompts,
                                           const NextTokens& next, const DecodingOptions& options = {},
                                           Progress& progress = no_progress());

struct Basin {
  std::vector<std::int64_t> cycle;    // canonical
  std::vector<std::int64_t> prompts;  // indices of the prompts that reach it, ascending
};

// Largest basin first, ties by the cycle's tokens. Prompts without a cycle belong to none.
std::vector<Basin> basins(std::span<const DecodingCycle> cycles);

}  // namespace energy_lens
