#include "energy_lens/tokenizer/regex_dialect.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

// Unicode's White_Space; PCRE2's \s also holds U+180E.
constexpr std::string_view kSpace =
    R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii_punctuation(char c) { return c > ' ' && c <= '~' && !is_digit(c) && !is_letter(c); }

class Translator {
 public:
  explicit Translator(std::string_view expression) : in_(expression) {}

  std::string run() {
    while (at_ < in_.size()) step();
    return out_;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(ErrorKind::BadInput, "load_tokenizer",
         "the regular expression '" + utf8_prefix(in_, 100) + "' has " + what + " at byte " + std::to_string(at_) +
             ", which is not supported");
  }
  bool ahead(std::string_view text) const { return in_.substr(at_, text.size()) == text; }
  char peek(std::size_t further = 0) const { return at_ + further < in_.size() ? in_[at_ + further] : '\0'; }
  void take(std::size_t count) {
    out_ += in_.substr(at_, count);
    at_ += count;
  }

  void step() {
    const char c = peek();
    if (c == '(') return open_group();
    if (c == ')') return close_group();
    if (c == '[') return character_class();
    if (c == '^' || c == '$') refuse(std::string("the anchor ") + c);
    if (c == '{' || c == '*' || c == '+' || c == '?') return quantifier();
    const char before = std::exchange(previous_literal_, '\0');
    quantified_ = false;
    if (c == '\\') {
      out_ += escape(false);
    } else {
      if (c != '|' && c != '.' && caseless()) check_folding(before);
      take(1);
    }
  }

  // Oniguruma folds ss to U+00DF, ff to U+FB00 and so on; PCRE2 folds one character at a time.
  void check_folding(char before) {
    constexpr std::array<std::string_view, 5> kFolded = {"ss", "st", "ff", "fi", "fl"};
    const char c = peek();
    const std::array<char, 2> pair = {before, static_cast<char>(is_letter(c) ? c | 0x20 : c)};
    const bool folds = std::find(kFolded.begin(), kFolded.end(), std::string_view(pair.data(), 2)) != kFolded.end();
    if (folds || static_cast<unsigned char>(c) >= 0x80) {
      refuse("letters without case that may fold to more than one character");
    }
    previous_literal_ = pair[1];
  }

  bool caseless() const { return !groups_.empty() && groups_.back(); }

  void open_group() {
    bool caseless_inside = caseless();
    constexpr std::array<std::string_view, 6> kKnown = {"(?:", "(?>", "(?=", "(?!", "(?<=", "(?<!"};
    const auto known = std::find_if(kKnown.begin(), kKnown.end(), [&](std::string_view s) { return ahead(s); });
    if (known != kKnown.end()) {
      take(known->size());
    } else if (ahead("(?i:")) {
      caseless_inside = true;
      take(4);
    } else if (peek(1) == '?' || peek(1) == '*') {
      refuse("the group '" + std::string(in_.substr(at_, 4)) + "'");
    } else {
      take(1);
    }
    groups_.push_back(caseless_inside);
    previous_literal_ = '\0';
    quantified_ = false;
  }

  void close_group() {
    if (groups_.empty()) refuse("a closing bracket without its opening one");
    groups_.pop_back();
    previous_literal_ = '\0';
    quantified_ = false;
    take(1);
  }

  void quantifier() {
    if (quantified_) refuse("a quantifier of a quantifier");
    const bool braces = peek() == '{';
    bool range = false;
    if (braces) {
      std::size_t end = 1;
      while (is_digit(peek(end))) ++end;
      const bool has_minimum = end > 1;
      if (peek(end) == ',') {
        range = true;
        do ++end;
        while (is_digit(peek(end)));
      }
      if (!has_minimum || peek(end) != '}') refuse("a brace that is not {n}, {n,} or {n,m}");
      take(end + 1);
    } else {
      take(1);
    }
    if (peek() == '+' && braces) refuse("a possessive {n,m}");
    if (peek() == '?' && braces && !range) refuse("{n}?");
    if (peek() == '+' || peek() == '?') take(1);
    quantified_ = true;
    previous_literal_ = '\0';
  }

  void character_class() {
    if (caseless()) refuse("a character class without case");
    const bool negated = peek(1) == '^';
    take(negated ? 2 : 1);
    if (peek() == ']') refuse("']' first in a character class");
    while (peek() != ']') {
      if (at_ >= in_.size()) refuse("a character class that does not end");
      if (peek() == '[') refuse("a set inside a character class");
      if (ahead("&&")) refuse("an intersection of sets");
      class_member();
    }
    take(1);
    previous_literal_ = '\0';
    quantified_ = false;
  }

  void class_member() {
    if (peek() != '\\') return take(1);
    const bool is_range_end =
        out_.back() == '-' && std::string_view("[^\\").find(out_[out_.size() - 2]) == std::string_view::npos;
    const std::string_view kind = in_.substr(at_ + 1, 1);
    const bool is_set = kind.find_first_of("dDsSpP") == 0;
    if (is_set && is_range_end) refuse("a range that ends in a set");
    out_ += escape(true);
    if (is_set && peek() == '-' && peek(1) != ']') refuse("a range that begins with a set");
  }

  // The translation of the escape at `at_`, which it passes.
  std::string escape(bool in_class) {
    const char c = peek(1);
    if (is_ascii_punctuation(c)) return pass(2);
    switch (c) {
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'd':
      case 'D':
        return pass(2);
      case 'v':
        return at_ += 2, R"(\x{0B})";
      case 's':
        return at_ += 2, in_class ? std::string(kSpace) : "[" + std::string(kSpace) + "]";
      case 'S':
        return at_ += 2, in_class ? R"(\S\x{180E})" : "[^" + std::string(kSpace) + "]";
      case 'p':
      case 'P':
        return property();
      case 'x':
      case 'u':
        return code_point();
      default:
        refuse("the escape '" + std::string(in_.substr(at_, 2)) + "'");
    }
  }

  std::string pass(std::size_t count) {
    at_ += count;
    return std::string(in_.substr(at_ - count, count));
  }

  std::string property() {
    if (caseless()) refuse("a property without case");
    const std::size_t end = in_.find('}', at_);
    if (peek(2) != '{' || end == std::string_view::npos) refuse("a property without {}");
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    const bool inverted = name.starts_with('^');
    if (inverted) name.remove_prefix(1);
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || c == '_'; });
    if (name.empty() || !plain) refuse("the property '" + std::string(name) + "'");
    const std::string kind = (peek(1) == 'P') != inverted ? "\\P{" : "\\p{";
    at_ = end + 1;
    // A script's bare name means its extensions too in newer PCRE2.
    return kind + (name.size() > 2 ? "sc:" : "") + std::string(name) + "}";
  }

  std::string code_point() {
    if (caseless()) refuse("a numbered character without case");
    const bool braced = peek(2) == '{';
    const std::size_t begin = braced ? 3 : 2, digits = peek(1) == 'u' ? 4 : 2;
    std::size_t end = begin;
    while (is_hex(peek(end)) && (braced || end < begin + digits)) ++end;
    const std::string hex(in_.substr(at_ + begin, end - begin));
    const bool whole = braced ? peek(1) == 'x' && !hex.empty() && peek(end) == '}' : hex.size() == digits;
    // \x80 and above is a byte of UTF-8 there, not a character.
    if (!whole || (peek(1) == 'x' && !braced && hex[0] > '7'))
      refuse("the escape '" + std::string(in_.substr(at_, 4)) + "'");
    at_ += end + (braced ? 1 : 0);
    return "\\x{" + hex + "}";
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
  std::vector<bool> groups_;      // for each open group, whether it ignores case
  char previous_literal_ = '\0';  // of a caseless group, in lower case
  bool quantified_ = false;
};

}  // namespace

std::string to_pcre2(std::string_view expression) { return Translator(expression).run(); }

}  // namespace energy_lens
