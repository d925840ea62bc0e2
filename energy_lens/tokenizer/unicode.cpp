#include "energy_lens/tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace energy_lens {
namespace {

utf8proc_category_t category(char32_t code) {
  return code < kBrokenByte ? utf8proc_category(static_cast<utf8proc_int32_t>(code)) : UTF8PROC_CATEGORY_CN;
}

bool between(char32_t code, char32_t first, char32_t last) { return code >= first && code <= last; }

// Symbols that are alphabetic: circled and squared letters.
bool is_lettered_symbol(char32_t code) {
  return between(code, 0x24B6, 0x24E9) || between(code, 0x1F130, 0x1F149) || between(code, 0x1F150, 0x1F169) ||
         between(code, 0x1F170, 0x1F189);
}

}  // namespace

Character character_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  utf8proc_int32_t code = 0;
  const auto left = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size() - at, 4));
  const utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at, left, &code);
  if (length <= 0) return {kBrokenByte + lead, 1};
  return {static_cast<char32_t>(code), static_cast<std::size_t>(length)};
}

void append_character(std::string& text, char32_t code) {
  if (code >= kBrokenByte) {
    text += static_cast<char>(code - kBrokenByte);
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_white_space(char32_t code) {
  if (code < 0x80) return code == ' ' || between(code, '\t', '\r');
  return code == 0x85 || code == 0xA0 || code == 0x1680 || between(code, 0x2000, 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_numeric(char32_t code) {
  const auto found = category(code);
  return found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL || found == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t code) {
  if (code < 0x80) {
    return between(code, '!', '/') || between(code, ':', '@') || between(code, '[', '`') || between(code, '{', '~');
  }
  const auto found = category(code);
  return found >= UTF8PROC_CATEGORY_PC && found <= UTF8PROC_CATEGORY_PO;
}

bool is_mark(char32_t code) {
  const auto found = category(code);
  return found >= UTF8PROC_CATEGORY_MN && found <= UTF8PROC_CATEGORY_ME;
}

bool is_word(char32_t code) {
  const auto found = category(code);
  const bool letter = found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO;
  return letter || is_mark(code) || found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL ||
         found == UTF8PROC_CATEGORY_PC || between(code, 0x200C, 0x200D) || is_lettered_symbol(code);
}

std::size_t skip_characters(std::string_view text, std::size_t at, std::size_t count) {
  const std::size_t begin = at;
  for (; count > 0 && at < text.size(); --count) at += character_at(text, at).length;
  return at - begin;
}

std::size_t skip_characters_back(std::string_view text, std::size_t at, std::size_t count) {
  const std::size_t end = at;
  for (; count > 0 && at > 0; --count) {
    std::size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    at = character_at(text, begin).length == at - begin ? begin : at - 1;
  }
  return end - at;
}

}  // namespace energy_lens
