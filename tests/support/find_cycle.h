// Where a deterministic map ends up, by Brent's algorithm: x, f(x), f(f(x)), ... on a finite set runs through a
// transient of mu states and then around a cycle of lambda states for ever. The oracle of decoding_cycles, which finds
// the same by remembering states.
#pragma once
#include <cstdint>

namespace energy_lens::testing {

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

}  // namespace energy_lens::testing
