// Parts of UTF-8 texts.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace energy_lens {

// The first characters of a UTF-8 text, whole, that have at most `most` bytes together: how a message quotes a text
// from outside.
std::string utf8_prefix(std::string_view text, std::size_t most);

}  // namespace energy_lens
