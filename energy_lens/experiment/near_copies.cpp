#include "energy_lens/experiment/near_copies.h"

#include <algorithm>
#include <vector>

namespace energy_lens {
namespace {

// The finalizer of SplitMix64 after each token: every bit of every token reaches every bit of the hash.
std::uint64_t hash_of(std::span<const std::int64_t> shingle) {
  std::uint64_t hash = 0;
  for (const std::int64_t token : shingle) {
    hash += static_cast<std::uint64_t>(token) + 0x9E3779B97F4A7C15ull;
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ull;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBull;
    hash ^= hash >> 31;
  }
  return hash;
}

std::vector<std::uint64_t> shingles_of(std::span<const std::int64_t> tokens) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t begin = 0; begin + kShingleTokens <= tokens.size(); ++begin) {
    hashes.push_back(hash_of(tokens.subspan(begin, kShingleTokens)));
  }
  return hashes;
}

}  // namespace

bool SeenShingles::mostly_seen(std::span<const std::int64_t> tokens) const {
  const std::vector<std::uint64_t> shingles = shingles_of(tokens);
  const auto known = std::ranges::count_if(shingles, [&](std::uint64_t hash) { return seen_.contains(hash); });
  return !shingles.empty() && 2 * known >= std::ssize(shingles);
}

void SeenShingles::keep(std::span<const std::int64_t> tokens) {
  for (const std::uint64_t hash : shingles_of(tokens)) seen_.insert(hash);
}

}  // namespace energy_lens
