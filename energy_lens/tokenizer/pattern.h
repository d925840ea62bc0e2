// What a text is searched for: a literal string or a regular expression in tokenizer.json's dialect, run by PCRE2.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/aligned_text.h"

namespace energy_lens {

class Pattern {
 public:
  // Errors: BadInput when the expression is too long, not understood (regex_dialect.h) or does not compile.
  static Pattern regex(std::string_view expression);
  static Pattern literal(std::string_view text);  // errors: BadInput when empty

  // The matches in order, not overlapping. An empty one is not taken right behind another. Bytes that are not UTF-8
  // match nothing. Errors: BadInput (the expression needs more memory or steps than PCRE2 is allowed).
  std::vector<Range> find(std::string_view text) const;

 private:
  std::vector<Range> find_regex(std::string_view text) const;
  std::string source_;  // the literal, or the expression for messages
  std::shared_ptr<const void> code_;
};

// The expression that GPT-2 cuts text with, and everything "ByteLevel" that does not say otherwise.
const Pattern& gpt2_pattern();

}  // namespace energy_lens
