// One name for a cycle of tokens, wherever it is entered.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

// Index at which the lexicographically least rotation of word begins (Booth 1980), the lowest one on ties; O(n).
std::int64_t least_rotation(std::span<const std::int64_t> word);

// The least rotation itself.
std::vector<std::int64_t> canonical_rotation(std::span<const std::int64_t> word);

}  // namespace energy_lens
