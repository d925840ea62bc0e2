#include "energy_lens/tokenizer/bpe_model.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/byte_alphabet.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

constexpr std::uint64_t kMostGaps = 4096;  // ids of a vocabulary that none of its tokens has

[[noreturn]] void refuse(const std::string& what) { fail(ErrorKind::BadInput, "load_tokenizer", what); }

// The first byte whose character of the byte alphabet is no token, 256 when there is none.
int missing_alphabet(const Vocabulary& vocabulary) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (!vocabulary.find(bytes_to_alphabet({&c, 1}))) return byte;
  }
  return 256;
}

void check_complete(const Vocabulary& vocabulary, bool byte_fallback, bool byte_level) {
  if (byte_level) {
    const int missing = missing_alphabet(vocabulary);
    if (missing == 256) return;
    refuse("the vocabulary has no token for byte " + std::to_string(missing) +
           ", expected all 256 of a byte-level vocabulary");
  }
  if (!byte_fallback) refuse("BPE has neither unk_token nor byte_fallback: characters would be lost");
  const std::vector<std::int64_t> bytes = vocabulary.byte_tokens();
  if (std::count(bytes.begin(), bytes.end(), -1) > 0) {
    refuse("byte_fallback without unk_token needs all tokens <0x00> to <0xFF>");
  }
}

}  // namespace

// The symbols that merging starts from, as `tokenizers` collects them: an unknown character is kept back until it is
// known whether the next one joins it.
class BpeModel::Characters {
 public:
  Characters(const BpeModel& model, std::string_view piece) : model_(model) {
    ids.reserve(piece.size());
    lengths.reserve(piece.size());
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t length = character_at(piece, at).length;
      take(piece.substr(at, length));
      at += length;
    }
    flush();
  }
  std::vector<std::int64_t> ids;
  std::vector<std::size_t> lengths;

 private:
  void add(std::int64_t id, std::size_t length) {
    ids.push_back(id);
    lengths.push_back(length);
  }
  void flush() {
    if (unknown_length_ > 0) add(*model_.unknown_, unknown_length_);
    unknown_length_ = 0;
  }
  void take(std::string_view character) {
    if (const auto id = model_.vocabulary_->find(character)) {
      flush();
      add(*id, character.size());
    } else if (!fall_back(character)) {
      EL_ASSERT(model_.unknown_.has_value());
      if (!model_.options_.fuse_unknown) flush();
      unknown_length_ += character.size();
    }
  }
  bool fall_back(std::string_view character) {
    if (!model_.options_.byte_fallback) return false;
    const auto id_of = [&](char byte) { return model_.byte_tokens_[static_cast<unsigned char>(byte)]; };
    if (std::any_of(character.begin(), character.end(), [&](char byte) { return id_of(byte) < 0; })) return false;
    for (const char byte : character) add(id_of(byte), 1);
    return true;
  }
  const BpeModel& model_;
  std::size_t unknown_length_ = 0;
};

BpeModel::BpeModel(std::shared_ptr<const Vocabulary> vocabulary, Merges merges, BpeOptions options, bool byte_level)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      options_(std::move(options)),
      byte_tokens_(vocabulary_->byte_tokens()) {
  if (options_.unknown.empty()) {
    check_complete(*vocabulary_, options_.byte_fallback, byte_level);
  } else {
    unknown_ = vocabulary_->find(options_.unknown);
    if (!unknown_) refuse("unk_token '" + utf8_prefix(options_.unknown, 100) + "' is not in the vocabulary");
  }
}

void BpeModel::tokenize(std::string_view piece, std::vector<Subword>& tokens) const {
  if (options_.ignore_merges) {
    if (const auto whole = vocabulary_->find(piece)) return tokens.push_back({*whole, {0, piece.size()}});
  }
  Characters characters(*this, piece);
  merges_.apply(characters.ids, characters.lengths);
  std::size_t at = 0;
  for (std::size_t i = 0; i < characters.ids.size(); ++i) {
    tokens.push_back({characters.ids[i], {at, at + characters.lengths[i]}});
    at += characters.lengths[i];
  }
}

void add_merge(Merges& merges, const Vocabulary& vocabulary, const std::string& left, const std::string& right) {
  const auto l = vocabulary.find(left), r = vocabulary.find(right), m = vocabulary.find(left + right);
  const std::string shown = "merge \"" + utf8_prefix(left, 100) + " " + utf8_prefix(right, 100) + "\"";
  if (!l || !r || !m) refuse(shown + " names a token that the vocabulary lacks");
  if (!merges.add(*l, *r, *m)) refuse(shown + " stands twice");
}

void add_merge_line(Merges& merges, const Vocabulary& vocabulary, const std::string& line) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
    refuse("merge \"" + utf8_prefix(line, 100) + "\" is not two tokens and a space");
  }
  add_merge(merges, vocabulary, line.substr(0, space), line.substr(space + 1));
}

void add_tokens(const SortedJson& tokens, Vocabulary& vocabulary) {
  if (!tokens.is_object() || tokens.empty()) refuse("the vocabulary is not an object of token ids");
  for (const auto& [token, id] : tokens.items()) {
    if (!id.is_number_integer()) refuse("token id " + utf8_prefix(id.dump(), 100) + " is not a whole number");
    // Ids are places in a table: a few large ones must not ask for a large table. Added tokens may fill small gaps.
    const std::uint64_t end = tokens.size() + kMostGaps;
    if (id.is_number_unsigned() && id.get<std::uint64_t>() >= end) {
      refuse("token id " + id.dump() + " of '" + utf8_prefix(token, 100) + "' leaves gaps, expected " +
             std::to_string(tokens.size()) + " tokens to have about as many ids");
    }
    vocabulary.add(token, id.get<std::int64_t>());
  }
}

namespace {

Merges read_merges(const JsonFields& fields, const Vocabulary& vocabulary) {
  Merges merges;
  for (const SortedJson& merge : fields.list("merges")) {
    if (merge.is_string()) {
      add_merge_line(merges, vocabulary, merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      add_merge(merges, vocabulary, merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      fields.refuse("merge " + utf8_prefix(merge.dump(), 100) + " is neither \"a b\" nor [\"a\", \"b\"]");
    }
  }
  return merges;
}

}  // namespace

std::unique_ptr<SubwordModel> read_bpe(const JsonFields& fields, const std::shared_ptr<Vocabulary>& vocabulary,
                                       bool byte_level) {
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!fields.text_or(name, "").empty()) fields.refuse(std::string("\"") + name + "\" is not supported");
  }
  if (fields.has("dropout") && fields.at("dropout") != 0.0) fields.refuse("\"dropout\" is not supported");
  add_tokens(fields.at("vocab"), *vocabulary);
  BpeOptions options{fields.text_or("unk_token", ""), fields.flag("fuse_unk", false),
                     fields.flag("byte_fallback", false), fields.flag("ignore_merges", false)};
  return std::make_unique<BpeModel>(vocabulary, read_merges(fields, *vocabulary), std::move(options), byte_level);
}

}  // namespace energy_lens
