// Looking strings up by views of them, without a copy.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace energy_lens {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

template <typename Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

}  // namespace energy_lens
