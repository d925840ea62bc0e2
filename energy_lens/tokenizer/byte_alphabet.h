// GPT-2's byte alphabet: every byte stands as one printable character in vocabulary files (Radford et al. 2019).
#pragma once
#include <string>
#include <string_view>

namespace energy_lens {

// Raw bytes -> the UTF-8 text that vocab.json uses for them.
std::string bytes_to_alphabet(std::string_view bytes);

// The other way. Returns false when `text` holds a character outside the alphabet.
bool alphabet_to_bytes(std::string_view text, std::string& bytes);

}  // namespace energy_lens
