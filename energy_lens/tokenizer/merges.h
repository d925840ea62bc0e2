// Byte-pair merges: a piece of text as the sequence that applying the best-ranked merge first, leftmost among equals,
// leaves (Sennrich et al. 2016).
#pragma once
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace energy_lens {

class Merges {
 public:
  // Ranks are the order of the calls. Returns false when the pair has a rank already.
  bool add(std::int64_t left, std::int64_t right, std::int64_t merged);

  // Merges neighbouring ids until no pair has a rank, and adds up their lengths (one an id). O(n log n).
  void apply(std::vector<std::int64_t>& ids, std::vector<std::size_t>& lengths) const;

 private:
  struct Merge {
    std::int64_t rank, merged;
  };
  const Merge* find(std::int64_t left, std::int64_t right) const;
  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace energy_lens
