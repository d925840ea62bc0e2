#include "energy_lens/tokenizer/byte_trie.h"

#include <algorithm>
#include <deque>

namespace energy_lens {
namespace {

bool less(char a, char b) { return static_cast<unsigned char>(a) < static_cast<unsigned char>(b); }

// Keys [begin, end) share the first `depth` bytes, which lead to `node`.
struct Branch {
  std::size_t node, begin, end, depth;
};

}  // namespace

ByteTrie::ByteTrie(std::vector<std::pair<std::string, std::int64_t>> keys) {
  std::erase_if(keys, [](const auto& key) { return key.first.empty(); });
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  nodes_.emplace_back();
  std::deque<Branch> open = {{0, 0, keys.size(), 0}};
  for (; !open.empty(); open.pop_front()) {
    Branch branch = open.front();
    if (branch.begin < branch.end && keys[branch.begin].first.size() == branch.depth) {
      nodes_[branch.node].value = keys[branch.begin].second;
      while (branch.begin < branch.end && keys[branch.begin].first.size() == branch.depth) ++branch.begin;
    }
    nodes_[branch.node].first_child = static_cast<std::uint32_t>(nodes_.size());
    for (std::size_t begin = branch.begin; begin < branch.end;) {
      const char label = keys[begin].first[branch.depth];
      std::size_t end = begin;
      while (end < branch.end && keys[end].first[branch.depth] == label) ++end;
      open.push_back({nodes_.size(), begin, end, branch.depth + 1});
      nodes_.push_back({0, 0, -1, label});
      ++nodes_[branch.node].children;
      begin = end;
    }
  }
}

bool ByteTrie::step(std::size_t& node, char label) const {
  if (nodes_.empty()) return false;
  const auto begin = nodes_.begin() + nodes_[node].first_child, end = begin + nodes_[node].children;
  const auto child = std::lower_bound(begin, end, label, [](const Node& a, char b) { return less(a.label, b); });
  if (child == end || child->label != label) return false;
  node = static_cast<std::size_t>(child - nodes_.begin());
  return true;
}

std::optional<ByteTrie::Found> ByteTrie::longest(std::string_view text) const {
  std::optional<Found> best;
  prefixes(text, [&](std::size_t length, std::int64_t value) { best = Found{length, value}; });
  return best;
}

}  // namespace energy_lens
