#include "energy_lens/tokenizer/aligned_text.h"

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

// NFKD makes 11 bytes of one at most; a chain of replacements that passes this is a bomb.
constexpr std::size_t kGrowth = 64, kSlack = 4096;

}  // namespace

AlignedText::AlignedText(std::string_view source, std::size_t origin)
    : text_(source), origin_(origin), bound_(kGrowth * source.size() + kSlack) {
  source_.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) source_.push_back({origin + i, origin + i + 1});
}

Range AlignedText::source_of(Range range) const {
  if (range.begin == range.end) return {source_begin(range.begin), source_begin(range.begin)};
  return {source_[range.begin].begin, source_[range.end - 1].end};
}

AlignedText AlignedText::emptied() const {
  AlignedText made;
  made.origin_ = origin_;
  made.bound_ = bound_;
  return made;
}

AlignedText AlignedText::slice(Range range) const {
  AlignedText made = emptied();
  made.origin_ = source_begin(range.begin);
  made.copy(*this, range);
  return made;
}

void AlignedText::copy(const AlignedText& other, Range range) {
  text_.append(other.text_, range.begin, range.end - range.begin);
  source_.insert(source_.end(), other.source_.begin() + static_cast<std::ptrdiff_t>(range.begin),
                 other.source_.begin() + static_cast<std::ptrdiff_t>(range.end));
}

void AlignedText::append(std::string_view content, Range stands_for) {
  if (text_.size() + content.size() > bound_) {
    fail(ErrorKind::BadInput, "encode",
         "got a tokenizer that grows a text to more than " + std::to_string(bound_) + " bytes, expected at most " +
             std::to_string(kGrowth) + " bytes for one of the source");
  }
  text_ += content;
  source_.insert(source_.end(), content.size(), stands_for);
}

Range AlignedText::last_character(std::size_t end) const {
  if (end == 0) return {origin_, origin_};
  return source_of({end - skip_characters_back(text_, end, 1), end});
}

void AlignedText::transform(const std::vector<Change>& changes, std::size_t skipped) {
  AlignedText made = emptied();
  std::string character;
  std::size_t at = skip_characters(text_, 0, skipped);
  for (const Change& change : changes) {
    character.clear();
    append_character(character, change.code);
    if (change.change > 0) {
      made.append(character, last_character(at));
      continue;
    }
    const std::size_t length = skip_characters(text_, at, 1);
    if (text_.compare(at, length, character) == 0) {
      made.copy(*this, {at, at + length});
    } else {
      made.append(character, source_of({at, at + length}));
    }
    at += length + skip_characters(text_, at + length, static_cast<std::size_t>(-change.change));
  }
  *this = std::move(made);
}

void AlignedText::replace(const std::vector<Range>& matches, std::string_view content) {
  if (matches.empty()) return;
  AlignedText made = emptied();
  std::size_t done = 0;
  for (const Range& match : matches) {
    made.copy(*this, {done, match.begin});
    made.append(content, last_character(match.end));
    done = match.end;
  }
  made.copy(*this, {done, size()});
  *this = std::move(made);
}

}  // namespace energy_lens
