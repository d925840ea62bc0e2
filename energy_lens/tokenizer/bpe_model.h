// Byte-pair encoding with ranked merges: the characters of a piece, merged pair by pair (merges.h).
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "energy_lens/tokenizer/json_fields.h"
#include "energy_lens/tokenizer/merges.h"
#include "energy_lens/tokenizer/subword_model.h"
#include "energy_lens/tokenizer/vocabulary.h"

namespace energy_lens {

struct BpeOptions {
  std::string unknown;         // the token of characters that the vocabulary lacks; "" for none
  bool fuse_unknown = false;   // neighbouring unknown characters are one token
  bool byte_fallback = false;  // such characters are written as "<0xNN>" where the vocabulary has those
  bool ignore_merges = false;  // a piece that is a token as it stands is not merged
};

class BpeModel : public SubwordModel {
 public:
  // Errors: BadInput when a character could be left without a token: `unknown` is not in the vocabulary; or it is empty
  // and neither the byte alphabet (of a byte-level tokenizer) nor the byte tokens are complete.
  BpeModel(std::shared_ptr<const Vocabulary> vocabulary, Merges merges, BpeOptions options, bool byte_level);
  void tokenize(std::string_view piece, std::vector<Subword>& tokens) const override;

 private:
  class Characters;
  std::shared_ptr<const Vocabulary> vocabulary_;
  Merges merges_;
  BpeOptions options_;
  std::optional<std::int64_t> unknown_;
  std::vector<std::int64_t> byte_tokens_;
};

// {"token": id, ...}. Errors: BadInput, as Vocabulary::add.
void add_tokens(const SortedJson& tokens, Vocabulary& vocabulary);

// Adds the merge of two tokens of the vocabulary. Errors: BadInput when it names a token that the vocabulary lacks, or
// stands twice.
void add_merge(Merges& merges, const Vocabulary& vocabulary, const std::string& left, const std::string& right);
void add_merge_line(Merges& merges, const Vocabulary& vocabulary, const std::string& line);  // "left right"

// `model` of tokenizer.json, of type BPE; its vocabulary is added to `vocabulary`.
std::unique_ptr<SubwordModel> read_bpe(const JsonFields& fields, const std::shared_ptr<Vocabulary>& vocabulary,
                                       bool byte_level);

}  // namespace energy_lens
