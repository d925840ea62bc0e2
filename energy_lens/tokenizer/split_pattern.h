// A regular expression that cuts text into pieces, by PCRE2 with Unicode properties.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace energy_lens {

class SplitPattern {
 public:
  // Errors: BadInput when the expression does not compile, with its message.
  explicit SplitPattern(const std::string& expression);

  // Calls piece(begin, end) for every match and for every stretch between matches, so the pieces tile the text. Bytes
  // that are not UTF-8 match nothing. Errors: Resource (the expression needs more memory or steps than PCRE2 allows).
  void split(std::string_view text, const std::function<void(std::size_t begin, std::size_t end)>& piece) const;

 private:
  std::shared_ptr<const void> code_;
};

// GPT-2's own expression, with \s spelled out as Unicode's White_Space (PCRE2's \s also holds U+180E).
const std::string& gpt2_pattern();

}  // namespace energy_lens
