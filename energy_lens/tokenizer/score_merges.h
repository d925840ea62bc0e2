// Byte-pair encoding with scored tokens, as SentencePiece and llama2.c do it: neighbours merge into a token of the
// vocabulary, best score first, leftmost among equals.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/byte_trie.h"
#include "energy_lens/tokenizer/string_hash.h"
#include "energy_lens/tokenizer/subword_model.h"

namespace energy_lens {

class ScoreMerges {
 public:
  // `whole` tokens are found in the text first, longest first, and do not merge. An `unused` token takes part in
  // merging and is taken apart again in the end.
  enum class Kind { Normal, Whole, Unused };
  void add(std::string token, std::int64_t id, float score, Kind kind);
  void finish();  // after the last token

  // Appends the tokens of `text`; -1 stands for a character that is none. O(n log n).
  void apply(std::string_view text, std::vector<Subword>& tokens) const;

 private:
  struct Entry {
    std::int64_t id = 0;
    float score = 0;
    Kind kind = Kind::Normal;
  };
  class Run;
  const Entry* find(std::string_view token) const;
  StringMap<Entry> entries_;
  ByteTrie whole_;
};

}  // namespace energy_lens
