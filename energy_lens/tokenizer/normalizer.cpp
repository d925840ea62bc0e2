#include "energy_lens/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <array>

#include "energy_lens/tokenizer/pattern.h"
#include "energy_lens/tokenizer/read_pattern.h"
#include "energy_lens/tokenizer/unicode.h"
#include "energy_lens/tokenizer/unicode_form.h"

namespace energy_lens {
namespace {

template <UnicodeForm form>
class FormNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    if (!is_ascii(text.text())) text.transform(to_form(text.text(), form));
  }
  static std::unique_ptr<Normalizer> read(const JsonFields&) { return std::make_unique<FormNormalizer>(); }
};

// Calls visit(code) for each character.
template <typename Visit>
void for_each_character(std::string_view text, const Visit& visit) {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    visit(character.code);
    at += character.length;
  }
}

class Lowercase : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    std::vector<Change> changes;
    for_each_character(text.text(), [&](char32_t code) {
      if (code == 0x130) {  // the only lower case of two characters
        changes.insert(changes.end(), {{'i', 0}, {0x307, 1}});
      } else {
        const bool broken = code >= kBrokenByte;
        changes.push_back({broken ? code : static_cast<char32_t>(utf8proc_tolower(static_cast<int>(code))), 0});
      }
    });
    text.transform(changes);
  }
  static std::unique_ptr<Normalizer> read(const JsonFields&) { return std::make_unique<Lowercase>(); }
};

class StripAccents : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    std::vector<Change> changes;
    std::size_t skipped = 0;
    for_each_character(text.text(), [&](char32_t code) {
      if (!is_mark(code)) {
        changes.push_back({code, 0});
      } else if (changes.empty()) {
        ++skipped;
      } else {
        --changes.back().change;
      }
    });
    text.transform(changes, skipped);
  }
  static std::unique_ptr<Normalizer> read(const JsonFields&) { return std::make_unique<StripAccents>(); }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(AlignedText& text) const override {
    const std::string& all = text.text();
    std::size_t begin = 0, end = all.size();
    while (left_ && begin < end && is_white_space(character_at(all, begin).code))
      begin += skip_characters(all, begin, 1);
    while (right_ && begin < end) {
      const std::size_t length = skip_characters_back(all, end, 1);
      if (!is_white_space(character_at(all, end - length).code)) break;
      end -= length;
    }
    AlignedText made = text.emptied();
    made.copy(text, {begin, end});
    text = std::move(made);
  }
  static std::unique_ptr<Normalizer> read(const JsonFields& fields) {
    return std::make_unique<Strip>(fields.flag("strip_left", false), fields.flag("strip_right", false));
  }

 private:
  bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string content) : content_(std::move(content)) {}
  void apply(AlignedText& text) const override {
    if (text.size() == 0) return;
    AlignedText made = text.emptied();
    made.append(content_, {text.source_begin(0), text.source_begin(0)});
    made.copy(text, {0, text.size()});
    text = std::move(made);
  }
  static std::unique_ptr<Normalizer> read(const JsonFields& fields) {
    return std::make_unique<Prepend>(read_content(fields, "prepend"));
  }

 private:
  std::string content_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(AlignedText& text) const override { text.replace(pattern_.find(text.text()), content_); }
  static std::unique_ptr<Normalizer> read(const JsonFields& fields) {
    return std::make_unique<Replace>(read_pattern(fields), read_content(fields, "content"));
  }

 private:
  Pattern pattern_;
  std::string content_;
};

constexpr std::array<StepType<Normalizer>, 9> kTypes = {{{"NFC", FormNormalizer<UnicodeForm::Nfc>::read},
                                                         {"NFD", FormNormalizer<UnicodeForm::Nfd>::read},
                                                         {"NFKC", FormNormalizer<UnicodeForm::Nfkc>::read},
                                                         {"NFKD", FormNormalizer<UnicodeForm::Nfkd>::read},
                                                         {"Lowercase", Lowercase::read},
                                                         {"StripAccents", StripAccents::read},
                                                         {"Strip", Strip::read},
                                                         {"Prepend", Prepend::read},
                                                         {"Replace", Replace::read}}};

}  // namespace

Normalizers read_normalizers(const SortedJson& json) {
  Normalizers made;
  read_steps<Normalizer>(json, "normalizer", "normalizers", kTypes, made);
  return made;
}

std::unique_ptr<Normalizer> prepend_normalizer(std::string content) {
  return std::make_unique<Prepend>(std::move(content));
}

}  // namespace energy_lens
