// SentencePiece's precompiled character map: replacements of character sequences, longest match first, in a
// double-array trie (Aoe 1989) as Darts-clone lays it out. Every step is checked against the array: the file is not
// trusted.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace energy_lens {

class CharacterMap {
 public:
  CharacterMap() = default;  // replaces nothing
  // Errors: BadInput when sizes do not fit.
  explicit CharacterMap(std::string_view blob);

  struct Match {
    std::size_t length = 0;
    std::string_view replacement;
  };
  // The longest sequence that `text` begins with. Errors: BadInput when the trie points outside itself.
  std::optional<Match> longest(std::string_view text) const;

 private:
  std::uint32_t unit(std::size_t at) const;
  std::vector<std::uint32_t> units_;
  std::string replacements_;  // each ends with a zero byte
};

}  // namespace energy_lens
