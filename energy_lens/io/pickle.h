// Pickles (protocols 2 to 5) read as plain data, in the opcodes that torch.save writes. Nothing is imported, called or
// built: a global is a name out of the caller's list, and applying it to arguments gives a Call node for the caller to
// interpret. Memory is bounded by the pickle's size and by a limit on the number of nodes.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace energy_lens {

class Pickle {
 public:
  using Id = std::uint32_t;
  enum class Kind : std::uint8_t { None, Bool, Integer, Real, Text, Tuple, List, Dict, Global, Call, Persistent };
  struct Node {
    Kind kind = Kind::None;
    std::int64_t integer = 0;  // Bool, Integer
    double real = 0.0;
    std::string_view text{};  // Text; Global: "module.name"
    std::vector<Id>
        items{};  // elements; Dict: key, value, key, value, ...; Call: global, arguments; Persistent: its id
  };

  // what: names the pickle in errors. allowed: "module.name" of every global but collections.OrderedDict, which is read
  // as a Dict and loses its attributes; must outlive the Pickle.
  // Errors: BadInput (another global, another opcode, truncated, absurd sizes or indexes, too many nodes).
  static Pickle parse(std::vector<char> bytes, std::span<const std::string_view> allowed, const std::string& what);

  Id root() const { return root_; }
  const Node& operator[](Id id) const { return nodes_[id]; }

 private:
  Pickle() = default;
  std::vector<char> bytes_;  // Text points into it
  std::vector<Node> nodes_;
  Id root_ = 0;
};

}  // namespace energy_lens
