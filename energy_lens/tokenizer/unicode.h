// Characters of UTF-8 text and the few Unicode properties that tokenizers ask about, by utf8proc.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace energy_lens {

// A byte that begins no well-formed UTF-8 sequence is a character of its own, numbered beyond Unicode: no property
// holds for it, no normalizer changes it, and it is written back as the byte it was.
constexpr char32_t kBrokenByte = 0x110000;

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // bytes
};

// The character that starts at `at`, which must lie before the end.
Character character_at(std::string_view text, std::size_t at);
void append_character(std::string& text, char32_t code);

bool is_ascii(std::string_view text);
bool is_white_space(char32_t code);  // White_Space
bool is_numeric(char32_t code);      // general category N
bool is_punctuation(char32_t code);  // general category P, or ASCII punctuation
bool is_mark(char32_t code);         // general category M
bool is_word(char32_t code);         // \w of UTS 18: alphabetic, M, Nd, Pc, joiners

// Bytes that `count` characters take from `at` on (backward: before `at`), stopping at the end of the text.
std::size_t skip_characters(std::string_view text, std::size_t at, std::size_t count);
std::size_t skip_characters_back(std::string_view text, std::size_t at, std::size_t count);

}  // namespace energy_lens
