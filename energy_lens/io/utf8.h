// Parts and lengths of UTF-8 texts.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace energy_lens {

// The first characters of a UTF-8 text, whole, that have at most `most` bytes together: how a message quotes a text
// from outside.
std::string utf8_prefix(std::string_view text, std::size_t most);

// Characters of a UTF-8 text.
std::size_t utf8_length(std::string_view text);

}  // namespace energy_lens
