// Tokens that stand for themselves wherever they are written, cut out of the text before anything else happens to it
// ("added_tokens" of tokenizer.json).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/aligned_text.h"
#include "energy_lens/tokenizer/byte_trie.h"
#include "energy_lens/tokenizer/json_fields.h"
#include "energy_lens/tokenizer/normalizer.h"
#include "energy_lens/tokenizer/vocabulary.h"

namespace energy_lens {

struct AddedToken {
  std::string content;
  std::int64_t id = 0;
  bool single_word = false;                        // only where no word character stands beside it
  bool strips_left = false, strips_right = false;  // swallows white space beside it
  bool normalized = false;                         // is looked for, normalized, in the normalized text
  bool special = false;
};

// A stretch of a text: an added token, or (id -1) what lies between.
struct AddedStretch {
  Range range;
  std::int64_t id = -1;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // Of tokens with the same content specials count first, then the order given.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizers& normalizers);

  // The longest token at each place, from left to right. Stretches of tokens may overlap white space that the one
  // before has swallowed.
  std::vector<AddedStretch> find(std::string_view text, bool normalized) const;
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  std::vector<AddedToken> tokens_;
  ByteTrie as_written_, normalized_;  // values are indices into tokens_
};

// Adds what the vocabulary lacks to it. Errors: BadInput for an id that is neither the vocabulary's own nor the next.
std::vector<AddedToken> read_added_tokens(const SortedJson& json, Vocabulary& vocabulary);

}  // namespace energy_lens
