#include "energy_lens/tokenizer/split.h"

#include <algorithm>
#include <array>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {
    {{"Removed", SplitBehavior::Removed},
     {"Isolated", SplitBehavior::Isolated},
     {"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
     {"MergedWithNext", SplitBehavior::MergedWithNext},
     {"Contiguous", SplitBehavior::Contiguous}}};

// Joins a stretch to the one before it (in the order given) where `joins` says so.
template <typename Iterator, typename Joins>
std::vector<Range> joined(Iterator begin, Iterator end, const Joins& joins) {
  std::vector<Range> made;
  bool previous_match = false;
  for (auto it = begin; it != end; ++it) {
    if (!made.empty() && joins(it->is_match, previous_match)) {
      made.back().begin = std::min(made.back().begin, it->range.begin);
      made.back().end = std::max(made.back().end, it->range.end);
    } else {
      made.push_back(it->range);
    }
    previous_match = it->is_match;
  }
  return made;
}

std::vector<Range> kept(const std::vector<Stretch>& stretches, bool matches_too) {
  std::vector<Range> made;
  for (const Stretch& stretch : stretches) {
    if (matches_too || !stretch.is_match) made.push_back(stretch.range);
  }
  return made;
}

std::vector<Range> cut(const std::vector<Stretch>& s, SplitBehavior behavior) {
  const auto alike = [](bool match, bool previous) { return match == previous; };
  const auto first_of_matches = [](bool match, bool previous) { return match && !previous; };
  switch (behavior) {
    case SplitBehavior::Removed:
      return kept(s, false);
    case SplitBehavior::Isolated:
      return kept(s, true);
    case SplitBehavior::Contiguous:
      return joined(s.begin(), s.end(), alike);
    case SplitBehavior::MergedWithPrevious:
      return joined(s.begin(), s.end(), first_of_matches);
    case SplitBehavior::MergedWithNext:
      break;
  }
  std::vector<Range> made = joined(s.rbegin(), s.rend(), first_of_matches);
  std::reverse(made.begin(), made.end());
  return made;
}

}  // namespace

SplitBehavior parse_split_behavior(const std::string& name) {
  for (const auto& [known, behavior] : kNames) {
    if (known == name) return behavior;
  }
  fail(ErrorKind::BadInput, "load_tokenizer",
       "got the split behavior '" + utf8_prefix(name, 100) + "', expected one of " +
           "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

std::vector<Stretch> stretches(const std::vector<Range>& matches, std::size_t size, bool inverted) {
  std::vector<Stretch> made;
  std::size_t done = 0;
  for (const Range& match : matches) {
    if (match.begin > done) made.push_back({{done, match.begin}, inverted});
    made.push_back({match, !inverted});
    done = match.end;
  }
  if (done < size) made.push_back({{done, size}, inverted});
  return made;
}

std::vector<Range> split(const std::vector<Stretch>& stretches, SplitBehavior behavior) {
  std::vector<Range> made = cut(stretches, behavior);
  std::erase_if(made, [](const Range& range) { return range.begin == range.end; });
  return made;
}

}  // namespace energy_lens
