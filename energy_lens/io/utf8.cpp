#include "energy_lens/io/utf8.h"

namespace energy_lens {

std::string utf8_prefix(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  while (most > 0 && continues(text[most])) --most;
  return std::string(text.substr(0, most));
}

}  // namespace energy_lens
