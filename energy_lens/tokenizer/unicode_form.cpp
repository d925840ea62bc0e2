#include "energy_lens/tokenizer/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

using Codes = std::array<utf8proc_int32_t, 32>;  // the longest full decomposition, U+FDFA's, has 18

int combining_class(char32_t code) {
  return code < kBrokenByte ? utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->combining_class : 0;
}

// Number of codes written.
std::size_t decompose(char32_t code, bool compatible, Codes& codes) {
  if (code < 0x80 || code >= kBrokenByte) {
    codes[0] = static_cast<utf8proc_int32_t>(code);
    return 1;
  }
  const int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  int boundary = 0;
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), codes.data(), codes.size(),
                              static_cast<utf8proc_option_t>(options), &boundary);
  EL_ASSERT(count >= 1 && static_cast<std::size_t>(count) <= codes.size());
  return static_cast<std::size_t>(count);
}

// Only marks and the vowels and final consonants of Hangul compose with what stands before them.
std::optional<char32_t> compose(char32_t first, char32_t second) {
  const bool jamo = second >= 0x1161 && second <= 0x11C2;
  if (!jamo && !is_mark(second)) return std::nullopt;
  if (first >= kBrokenByte) return std::nullopt;
  std::array<utf8proc_int32_t, 2> pair = {static_cast<utf8proc_int32_t>(first), static_cast<utf8proc_int32_t>(second)};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  if (utf8proc_normalize_utf32(pair.data(), 2, options) != 1) return std::nullopt;
  return static_cast<char32_t>(pair[0]);
}

// Characters of a decomposition share what the first replaces; marks stand in canonical order.
std::vector<Change> decomposed(std::string_view text, bool compatible) {
  std::vector<Change> made;
  Codes codes;
  std::size_t marks = 0;  // where the open run of marks begins
  const auto by_class = [](const Change& a, const Change& b) {
    return combining_class(a.code) < combining_class(b.code);
  };
  const auto close_run = [&] {
    std::stable_sort(made.begin() + static_cast<std::ptrdiff_t>(marks), made.end(), by_class);
  };
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    at += character.length;
    const std::size_t count = decompose(character.code, compatible, codes);
    for (std::size_t i = 0; i < count; ++i) {
      const auto code = static_cast<char32_t>(codes[i]);
      const bool starter = combining_class(code) == 0;
      if (starter) close_run();
      made.push_back({code, i == 0 ? 0 : 1});
      if (starter) marks = made.size();
    }
  }
  close_run();
  return made;
}

// UAX 15's composition: a starter takes up each mark that no mark of the same or a higher class separates from it.
class Composer {
 public:
  std::vector<Change> run(const std::vector<Change>& decomposed) {
    for (const Change& item : decomposed) take(item);
    flush();
    return std::move(made_);
  }

 private:
  void take(const Change& item) {
    const int mark_class = combining_class(item.code);
    if (!starter_) {
      if (mark_class != 0) return made_.push_back(item);
      starter_ = item;
      return;
    }
    const bool blocked = last_class_ && *last_class_ >= mark_class;
    const auto composed = blocked ? std::nullopt : compose(starter_->code, item.code);
    if (composed) {
      starter_ = Change{*composed, starter_->change + item.change - 1};
    } else if (mark_class == 0) {
      flush();
      starter_ = item;
    } else {
      marks_.push_back(item);
      last_class_ = mark_class;
    }
  }

  void flush() {
    if (starter_) made_.push_back(*starter_);
    made_.insert(made_.end(), marks_.begin(), marks_.end());
    marks_.clear();
    starter_.reset();
    last_class_.reset();
  }

  std::vector<Change> made_, marks_;
  std::optional<Change> starter_;
  std::optional<int> last_class_;
};

}  // namespace

std::vector<Change> to_form(std::string_view text, UnicodeForm form) {
  const bool compatible = form == UnicodeForm::Nfkc || form == UnicodeForm::Nfkd;
  std::vector<Change> made = decomposed(text, compatible);
  const bool composes = form == UnicodeForm::Nfc || form == UnicodeForm::Nfkc;
  return composes ? Composer().run(made) : made;
}

}  // namespace energy_lens
