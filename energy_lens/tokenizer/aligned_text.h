// Text on its way from the source to tokens: what normalizers made of it, and for every byte the bytes of the source
// that it stands for. Pieces are cut out of it without copying.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace energy_lens {

struct Range {
  std::size_t begin = 0, end = 0;  // half open
  bool operator==(const Range&) const = default;
};

// One character of a transformed text and what became of the old ones under it: 0 it replaces one; n < 0 it replaces
// one and the next -n are gone; 1 it is new and stands for what the character before it stood for.
struct Change {
  char32_t code = 0;
  int change = 0;
};

class AlignedText {
 public:
  AlignedText() = default;
  // `source` stands at `origin` of the whole text. Every byte stands for itself.
  AlignedText(std::string_view source, std::size_t origin);

  const std::string& text() const { return text_; }
  std::size_t size() const { return text_.size(); }
  // What bytes [range) stand for, from the first one's beginning to the last one's end.
  Range source_of(Range range) const;
  std::size_t source_begin(std::size_t at) const { return at < size() ? source_[at].begin : origin_; }

  AlignedText slice(Range range) const;

  // Replaces the text after its first `skipped` characters, which are dropped.
  void transform(const std::vector<Change>& changes, std::size_t skipped = 0);
  // Replaces each of `matches`, in order and not overlapping, by `content`, which then stands for the last character
  // that it replaced.
  void replace(const std::vector<Range>& matches, std::string_view content);

  // Building a text from another, piece by piece.
  // Errors: BadInput when the text outgrows its source so far that no real tokenizer means it.
  void copy(const AlignedText& other, Range range);
  void append(std::string_view content, Range stands_for);
  AlignedText emptied() const;  // same origin and bound

 private:
  Range last_character(std::size_t end) const;  // what the character before `end` stands for
  std::string text_;
  std::vector<Range> source_;  // one a byte of text_
  std::size_t origin_ = 0, bound_ = 0;
};

// A text and the pieces it was cut into, in order.
struct Pieces {
  AlignedText text;
  std::vector<Range> ranges;
};

}  // namespace energy_lens
