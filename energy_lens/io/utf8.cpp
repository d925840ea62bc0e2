#include "energy_lens/io/utf8.h"

#include <algorithm>

namespace energy_lens {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string utf8_prefix(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && continues(text[most])) --most;
  return std::string(text.substr(0, most));
}

std::size_t utf8_length(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

}  // namespace energy_lens
