// Unicode normalization forms (UAX 15), keeping track of which characters became which.
#pragma once
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/aligned_text.h"

namespace energy_lens {

enum class UnicodeForm { Nfc, Nfd, Nfkc, Nfkd };

std::vector<Change> to_form(std::string_view text, UnicodeForm form);

}  // namespace energy_lens
