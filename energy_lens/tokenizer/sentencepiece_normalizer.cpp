#include "energy_lens/tokenizer/sentencepiece_normalizer.h"

#include <algorithm>

#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81", kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace

// The normalized text as it grows. A byte stands for the source from its own place to the next byte's, so what is left
// out belongs to what stands before it.
class SentencePieceNormalizer::Writer {
 public:
  explicit Writer(std::string_view space) : space_(space) {}

  void put_space(std::size_t place) { put(space_, place); }
  void put(std::string_view bytes, std::size_t place) {
    places_.insert(places_.end(), bytes.size(), place);
    text_ += bytes;
  }
  // Where the text begins that is dropped.
  std::size_t drop_spaces(std::size_t end) {
    while (text_.ends_with(space_)) {
      text_.resize(text_.size() - space_.size());
      end = places_[text_.size()];
      places_.resize(text_.size());
    }
    return end;
  }
  AlignedText finish(const AlignedText& source, std::size_t end) {
    places_.push_back(end);
    AlignedText made = source.emptied();
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const std::size_t begin = source.source_begin(0);
      made.append({&text_[i], 1}, {begin + places_[i], begin + places_[i + 1]});
    }
    return made;
  }

 private:
  std::string_view space_;
  std::string text_;
  std::vector<std::size_t> places_;
};

SentencePieceNormalizer::Prefix SentencePieceNormalizer::prefix(std::string_view text) const {
  if (const auto whole = spec_.whole.longest(text)) return {text.substr(0, whole->length), whole->length};
  if (const auto match = spec_.map.longest(text)) return {match->replacement, match->length};
  const Character character = character_at(text, 0);
  if (character.code >= kBrokenByte) return {kReplacementCharacter, 1};
  return {text.substr(0, character.length), character.length};
}

void SentencePieceNormalizer::apply(AlignedText& source) const {
  const std::string_view text = source.text();
  std::size_t at = 0;
  while (spec_.remove_extra_whitespaces && at < text.size()) {
    const Prefix first = prefix(text.substr(at));
    if (first.text != " ") break;
    at += first.length;
  }
  if (at == text.size()) {
    source = source.emptied();
    return;
  }
  Writer writer(spec_.escape_whitespaces ? kSpaceMark : " ");
  if (spec_.add_dummy_prefix) writer.put_space(at);
  bool after_space = spec_.remove_extra_whitespaces;
  while (at < text.size()) {
    Prefix next = prefix(text.substr(at));
    // A replacement, and a user-defined piece, stands for its source as a whole.
    const bool unchanged = next.text.data() == text.data() + at && next.length == character_at(text, at).length;
    while (after_space && next.text.starts_with(' ')) next.text.remove_prefix(1);
    for (std::size_t i = 0; i < next.text.size(); ++i) {
      if (next.text[i] == ' ') {
        writer.put_space(at);
      } else {
        writer.put(next.text.substr(i, 1), unchanged ? at + i : at);
      }
    }
    if (!next.text.empty()) after_space = next.text.ends_with(' ') && spec_.remove_extra_whitespaces;
    at += next.length;
  }
  source = writer.finish(source, spec_.remove_extra_whitespaces ? writer.drop_spaces(at) : at);
}

}  // namespace energy_lens
