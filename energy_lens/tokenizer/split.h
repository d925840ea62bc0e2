// What becomes of the matches when a piece is cut at them, as tokenizer.json names it.
#pragma once
#include <string>
#include <vector>

#include "energy_lens/tokenizer/aligned_text.h"

namespace energy_lens {

enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

// Errors: BadInput for a name that is none of the enumerators'.
SplitBehavior parse_split_behavior(const std::string& name);

// A stretch between two cuts; together they tile the piece.
struct Stretch {
  Range range;
  bool is_match = false;
};

// Matches, and the stretches between them, of a piece of `size` bytes. Inverted, the stretches between are the matches.
std::vector<Stretch> stretches(const std::vector<Range>& matches, std::size_t size, bool inverted = false);

// The pieces that `behavior` makes of the stretches; empty ones are dropped.
std::vector<Range> split(const std::vector<Stretch>& stretches, SplitBehavior behavior);

}  // namespace energy_lens
