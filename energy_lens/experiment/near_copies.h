// Windows that repeat most of what others hold, such as a docstring copied between modules with a few words changed: as
// documents of their own they would carry what was learned or discovered in one split into another.
//
// A window's shingles (Broder, On the resemblance and containment of documents, 1997) are its runs of kShingleTokens
// tokens, compared by 64-bit hashes. Time and memory are in proportion to the tokens.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_set>

namespace energy_lens {

inline constexpr std::int64_t kShingleTokens = 8;

class SeenShingles {
 public:
  // Whether at least half of the shingles of `tokens` stand in what was kept; false for fewer tokens than a shingle
  // has.
  bool mostly_seen(std::span<const std::int64_t> tokens) const;
  void keep(std::span<const std::int64_t> tokens);

 private:
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace energy_lens
