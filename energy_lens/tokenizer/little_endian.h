// Numbers in binary tokenizer files.
#pragma once
#include <cstdint>
#include <string_view>

namespace energy_lens {

// The number that at most eight bytes write, lowest first.
inline std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace energy_lens
