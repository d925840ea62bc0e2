#include <array>
#include <cstdio>

#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {

std::string printable(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t length = 0;
    for (std::size_t n = 1; n <= 4 && i + n <= bytes.size() && length == 0; ++n) {
      if (is_utf8(bytes.substr(i, n))) length = n;
    }
    if (length == 0) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "<0x%02X>", static_cast<unsigned char>(bytes[i]));
      text += escaped.data();
      ++i;
      continue;
    }
    text += bytes.substr(i, length);
    i += length;
  }
  return text;
}

}  // namespace energy_lens
