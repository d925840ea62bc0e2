#include "energy_lens/tokenizer/byte_alphabet.h"

#include <array>
#include <map>

namespace energy_lens {
namespace {

// Printable Latin-1 stands for itself; the other bytes take code points from 256 on, in order.
bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

std::string two_byte_utf8(int code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 0x3F))};
}

const std::array<std::string, 256>& alphabet() {
  static const std::array<std::string, 256> table = [] {
    std::array<std::string, 256> made;
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) made[byte] = two_byte_utf8(stands_for_itself(byte) ? byte : next++);
    return made;
  }();
  return table;
}

const std::map<std::string, char, std::less<>>& byte_of() {
  static const std::map<std::string, char, std::less<>> table = [] {
    std::map<std::string, char, std::less<>> made;
    for (int byte = 0; byte < 256; ++byte) made[alphabet()[byte]] = static_cast<char>(byte);
    return made;
  }();
  return table;
}

}  // namespace

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += alphabet()[static_cast<unsigned char>(byte)];
  return text;
}

bool alphabet_to_bytes(std::string_view text, std::string& bytes) {
  bytes.clear();
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : 2;
    const auto found = byte_of().find(text.substr(i, length));
    if (found == byte_of().end()) return false;
    bytes += found->second;
    i += length;
  }
  return true;
}

}  // namespace energy_lens
