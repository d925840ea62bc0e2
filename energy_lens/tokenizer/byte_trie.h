// A set of byte strings with a number each, searched for the members that begin a text.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace energy_lens {

class ByteTrie {
 public:
  ByteTrie() = default;
  // Of equal keys the first counts. Empty keys are ignored.
  explicit ByteTrie(std::vector<std::pair<std::string, std::int64_t>> keys);

  struct Found {
    std::size_t length = 0;
    std::int64_t value = 0;
  };
  // Calls found(length, value) for every key that `text` begins with, shortest first.
  template <typename Callback>
  void prefixes(std::string_view text, const Callback& found) const {
    std::size_t node = 0;
    for (std::size_t i = 0; i < text.size() && step(node, text[i]); ++i) {
      if (nodes_[node].value >= 0) found(i + 1, nodes_[node].value);
    }
  }
  std::optional<Found> longest(std::string_view text) const;

 private:
  struct Node {
    std::uint32_t first_child = 0, children = 0;
    std::int64_t value = -1;
    char label = 0;
  };
  bool step(std::size_t& node, char label) const;
  std::vector<Node> nodes_;  // a node's children lie side by side, by label
};

}  // namespace energy_lens
