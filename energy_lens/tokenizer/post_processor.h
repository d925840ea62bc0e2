// What happens to the tokens of a whole text ("post_processor" of tokenizer.json): which token is put in front of it,
// and whether ranges leave out white space.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/aligned_text.h"
#include "energy_lens/tokenizer/json_fields.h"

namespace energy_lens {

// A token of a text and what it stands for there. `written` counts the white space that its text begins and ends with.
struct PlacedToken {
  std::int64_t id = 0;
  Range source;
  std::size_t leading = 0, trailing = 0;
};

struct PostProcessor {
  std::optional<std::int64_t> first_token;  // put in front of every text
  // For each step that trims, whether a single leading space at the beginning counts as put there by the tokenizer.
  std::vector<bool> trims;
};

// Errors: BadInput for a type that is not supported, and for tokens put behind a text.
PostProcessor read_post_processor(const SortedJson& json);

void trim(std::vector<PlacedToken>& tokens, std::string_view source, bool adds_prefix_space);

// White space (or the byte alphabet's sign for a space) that `token` begins or ends with, in characters.
std::size_t leading_space(std::string_view token);
std::size_t trailing_space(std::string_view token);

}  // namespace energy_lens
