// Where a deterministic map ends up: x, f(x), f(f(x)), ... on a finite set runs through a transient of mu states and
// then around a cycle of lambda states for ever. Exact, for any map whose states compare equal.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

struct CycleShape {
  bool found = false;          // false: the budget ended first
  std::int64_t transient = 0;  // mu: steps from the start to the first state on the cycle
  std::int64_t period = 0;     // lambda: states on the cycle
};

// Brent (1980): three states in memory, at most max_calls calls of next (about 3 (mu + lambda) are enough).
template <class State, class Next>
CycleShape find_cycle(const State& start, const Next& next, std::int64_t max_calls) {
  std::int64_t calls = 0;
  const auto step = [&](State& state) {
    if (calls == max_calls) return false;
    ++calls;
    state = next(state);
    return true;
  };
  State tortoise = start, hare = start;
  std::int64_t power = 1, period = 1;
  if (!step(hare)) return {};
  while (!(tortoise == hare)) {
    if (power == period) {
      tortoise = hare;
      power *= 2;
      period = 0;
    }
    if (!step(hare)) return {};
    ++period;
  }
  tortoise = hare = start;
  for (std::int64_t i = 0; i < period; ++i) {
    if (!step(hare)) return {};
  }
  std::int64_t transient = 0;
  for (; !(tortoise == hare); ++transient) {
    if (!step(tortoise) || !step(hare)) return {};
  }
  return {true, transient, period};
}

// Index at which the lexicographically least rotation of word begins (Booth 1980), the lowest one on ties; O(n).
std::int64_t least_rotation(std::span<const std::int64_t> word);

// The least rotation itself: one name for a cycle, wherever it is entered.
std::vector<std::int64_t> canonical_rotation(std::span<const std::int64_t> word);

}  // namespace energy_lens
