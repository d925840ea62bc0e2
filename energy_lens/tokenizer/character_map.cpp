#include "energy_lens/tokenizer/character_map.h"

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/little_endian.h"

namespace energy_lens {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  fail(ErrorKind::BadInput, "load_tokenizer", "the precompiled character map " + what);
}

// Fields of a unit: bit 31 marks a leaf's value, bits 0-7 the label, bit 8 that a leaf follows, the rest where the
// children are, in steps of 256 when bit 9 is set.
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FFu; }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1u) != 0; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFFu; }
std::size_t offset(std::uint32_t unit) { return static_cast<std::size_t>(unit >> 10) << ((unit & 0x200u) >> 6); }

std::uint32_t read_unit(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(bytes.substr(at, 4)));
}

}  // namespace

CharacterMap::CharacterMap(std::string_view blob) {
  if (blob.size() < 4) refuse("has " + std::to_string(blob.size()) + " bytes, expected at least 4");
  const std::size_t size = read_unit(blob, 0);
  if (size % 4 != 0 || size == 0 || size > blob.size() - 4) {
    refuse("has a trie of " + std::to_string(size) + " bytes among " + std::to_string(blob.size()));
  }
  for (std::size_t at = 4; at < 4 + size; at += 4) units_.push_back(read_unit(blob, at));
  replacements_ = blob.substr(4 + size);
  if (!replacements_.empty() && replacements_.back() != '\0') refuse("ends inside a replacement");
}

std::uint32_t CharacterMap::unit(std::size_t at) const {
  if (at >= units_.size()) refuse("points outside itself");
  return units_[at];
}

std::optional<CharacterMap::Match> CharacterMap::longest(std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  std::optional<Match> best;
  std::size_t node = offset(unit(0));
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) break;
    const std::uint32_t here = units_[node];
    node ^= offset(here);
    if (!has_leaf(here)) continue;
    const std::uint32_t begin = value(unit(node));
    if (begin >= replacements_.size()) refuse("names a replacement outside itself");
    best = Match{i + 1, std::string_view(replacements_.data() + begin)};
  }
  return best;
}

}  // namespace energy_lens
