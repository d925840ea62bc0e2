#include "energy_lens/tokenizer/pre_tokenizer.h"

#include <array>

#include "energy_lens/tokenizer/byte_alphabet.h"
#include "energy_lens/tokenizer/pattern.h"
#include "energy_lens/tokenizer/read_pattern.h"
#include "energy_lens/tokenizer/split.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

// Cuts every piece where find(piece) -> matches says.
template <typename Find>
void cut(Pieces& pieces, const Find& find, SplitBehavior behavior, bool inverted = false) {
  std::vector<Range> made;
  for (const Range& piece : pieces.ranges) {
    const std::string_view text = std::string_view(pieces.text.text()).substr(piece.begin, piece.end - piece.begin);
    for (const Range& range : split(stretches(find(text), text.size(), inverted), behavior)) {
      made.push_back({piece.begin + range.begin, piece.begin + range.end});
    }
  }
  pieces.ranges = std::move(made);
}

// Rewrites every piece by write(piece, made), which appends what becomes of it. What lies between pieces is gone.
template <typename Write>
void rewrite(Pieces& pieces, const Write& write) {
  Pieces made{pieces.text.emptied(), {}};
  for (const Range& piece : pieces.ranges) {
    const std::size_t begin = made.text.size();
    write(piece, made.text);
    made.ranges.push_back({begin, made.text.size()});
  }
  pieces = std::move(made);
}

// The matches of a property of single characters.
template <bool (*is)(char32_t)>
std::vector<Range> each(std::string_view text) {
  std::vector<Range> made;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (is(character.code)) made.push_back({at, at + character.length});
    at += character.length;
  }
  return made;
}

template <bool (*is)(char32_t)>
class CharacterSplit : public PreTokenizer {
 public:
  explicit CharacterSplit(SplitBehavior behavior) : behavior_(behavior) {}
  void apply(Pieces& pieces) const override { cut(pieces, each<is>, behavior_); }

 private:
  SplitBehavior behavior_;
};

std::unique_ptr<PreTokenizer> read_digits(const JsonFields& fields) {
  const bool each_alone = fields.flag("individual_digits", false);
  return std::make_unique<CharacterSplit<is_numeric>>(each_alone ? SplitBehavior::Isolated : SplitBehavior::Contiguous);
}

std::unique_ptr<PreTokenizer> read_punctuation(const JsonFields& fields) {
  return std::make_unique<CharacterSplit<is_punctuation>>(parse_split_behavior(fields.text_or("behavior", "Isolated")));
}

std::unique_ptr<PreTokenizer> read_whitespace_split(const JsonFields&) {
  return std::make_unique<CharacterSplit<is_white_space>>(SplitBehavior::Removed);
}

// Runs of word characters and runs of what is neither word nor space.
class Whitespace : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    cut(pieces, runs, SplitBehavior::Isolated);
    cut(pieces, each<is_white_space>, SplitBehavior::Removed);
  }
  static std::unique_ptr<PreTokenizer> read(const JsonFields&) { return std::make_unique<Whitespace>(); }

 private:
  static std::vector<Range> runs(std::string_view text) {
    std::vector<Range> made;
    for (const Range& character : each<is_word>(text)) {
      if (!made.empty() && made.back().end == character.begin) {
        made.back().end = character.end;
      } else {
        made.push_back(character);
      }
    }
    return made;
  }
};

class Split : public PreTokenizer {
 public:
  Split(Pattern pattern, SplitBehavior behavior, bool inverted)
      : pattern_(std::move(pattern)), behavior_(behavior), inverted_(inverted) {}
  void apply(Pieces& pieces) const override {
    cut(pieces, [&](std::string_view text) { return pattern_.find(text); }, behavior_, inverted_);
  }
  static std::unique_ptr<PreTokenizer> read(const JsonFields& fields) {
    return std::make_unique<Split>(read_pattern(fields), parse_split_behavior(fields.text("behavior")),
                                   fields.flag("invert", false));
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool inverted_;
};

// Writes every byte as its character of GPT-2's alphabet.
class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex) : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}
  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) add_space(pieces);
    if (use_regex_) {
      cut(pieces, [](std::string_view text) { return gpt2_pattern().find(text); }, SplitBehavior::Isolated);
    }
    rewrite(pieces, [&](Range piece, AlignedText& made) {
      for (std::size_t at = piece.begin; at < piece.end; ++at) {
        const std::string_view byte(pieces.text.text().data() + at, 1);
        made.append(bytes_to_alphabet(byte), pieces.text.source_of({at, at + 1}));
      }
    });
  }
  static std::unique_ptr<PreTokenizer> read(const JsonFields& fields) {
    return std::make_unique<ByteLevel>(fields.flag("add_prefix_space", true), fields.flag("use_regex", true));
  }

 private:
  static void add_space(Pieces& pieces) {
    rewrite(pieces, [&](Range piece, AlignedText& made) {
      const std::size_t begin = pieces.text.source_begin(piece.begin);
      if (pieces.text.text()[piece.begin] != ' ') made.append(" ", {begin, begin});
      made.copy(pieces.text, piece);
    });
  }
  bool add_prefix_space_, use_regex_;
};

// Writes spaces as a visible character, puts one in front, and cuts before each.
class Metaspace : public PreTokenizer {
 public:
  enum class Prepend { Always, First, Never };
  Metaspace(std::string replacement, Prepend prepend, bool splits)
      : replacement_(std::move(replacement)), prepend_(prepend), splits_(splits) {}

  void apply(Pieces& pieces) const override {
    rewrite(pieces, [&](Range piece, AlignedText& made) { write(pieces.text, piece, made); });
    if (!splits_) return;
    const Pattern mark = Pattern::literal(replacement_);
    cut(pieces, [&](std::string_view text) { return mark.find(text); }, SplitBehavior::MergedWithNext);
  }

  static std::unique_ptr<PreTokenizer> read(const JsonFields& fields) {
    const std::string replacement = fields.text("replacement");
    if (replacement.empty() || character_at(replacement, 0).length != replacement.size()) {
      fields.refuse("\"replacement\" is '" + replacement.substr(0, 100) + "', expected one character");
    }
    return std::make_unique<Metaspace>(replacement, read_prepend(fields), fields.flag("split", true));
  }

 private:
  static Prepend read_prepend(const JsonFields& fields) {
    const std::string scheme = fields.text_or("prepend_scheme", "always");
    if (!fields.flag("add_prefix_space", true)) {
      if (fields.has("prepend_scheme") && scheme != "never") {
        fields.refuse("\"add_prefix_space\" is false, but \"prepend_scheme\" is not \"never\"");
      }
      return Prepend::Never;
    }
    if (scheme == "always") return Prepend::Always;
    if (scheme == "first") return Prepend::First;
    if (scheme == "never") return Prepend::Never;
    fields.refuse("\"prepend_scheme\" is '" + scheme.substr(0, 100) + "', expected always, first or never");
  }

  void write(const AlignedText& text, Range piece, AlignedText& made) const {
    const std::string_view bytes = std::string_view(text.text()).substr(piece.begin, piece.end - piece.begin);
    const std::size_t begin = text.source_begin(piece.begin);
    const bool wanted = prepend_ == Prepend::Always || (prepend_ == Prepend::First && begin == 0);
    if (wanted && bytes[0] != ' ' && !bytes.starts_with(replacement_)) made.append(replacement_, {begin, begin});
    std::size_t done = piece.begin;
    for (std::size_t at = piece.begin; at < piece.end; ++at) {
      if (text.text()[at] != ' ') continue;
      made.copy(text, {done, at});
      made.append(replacement_, text.source_of({at, at + 1}));
      done = at + 1;
    }
    made.copy(text, {done, piece.end});
  }

  std::string replacement_;
  Prepend prepend_;
  bool splits_;
};

constexpr std::array<StepType<PreTokenizer>, 7> kTypes = {{{"ByteLevel", ByteLevel::read},
                                                           {"Split", Split::read},
                                                           {"Metaspace", Metaspace::read},
                                                           {"Digits", read_digits},
                                                           {"Punctuation", read_punctuation},
                                                           {"Whitespace", Whitespace::read},
                                                           {"WhitespaceSplit", read_whitespace_split}}};

}  // namespace

PreTokenizers read_pre_tokenizers(const SortedJson& json) {
  PreTokenizers made;
  read_steps<PreTokenizer>(json, "pre_tokenizer", "pretokenizers", kTypes, made);
  return made;
}

std::unique_ptr<PreTokenizer> byte_level_pre_tokenizer() { return std::make_unique<ByteLevel>(false, true); }

}  // namespace energy_lens
