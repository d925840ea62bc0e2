// A tokenizer put together from its parts: added tokens are cut out, the rest is normalized and cut into pieces, and
// the model makes tokens of each piece.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "energy_lens/tokenizer/added_tokens.h"
#include "energy_lens/tokenizer/decoder.h"
#include "energy_lens/tokenizer/normalizer.h"
#include "energy_lens/tokenizer/post_processor.h"
#include "energy_lens/tokenizer/pre_tokenizer.h"
#include "energy_lens/tokenizer/subword_model.h"
#include "energy_lens/tokenizer/tokenizer.h"
#include "energy_lens/tokenizer/vocabulary.h"

namespace energy_lens {

struct TokenizerParts {
  std::shared_ptr<Vocabulary> vocabulary = std::make_shared<Vocabulary>();
  std::int64_t model_ids = 0;  // largest id + 1 without `added`; 0: every token of the vocabulary is the model's own
  std::vector<AddedToken> added;
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;
  std::unique_ptr<SubwordModel> model;
  PostProcessor post_processor;
  Decoders decoders;
  std::optional<std::int64_t> bos, eos;
  bool adds_bos = false;
};

class PipelineTokenizer : public Tokenizer {
 public:
  explicit PipelineTokenizer(TokenizerParts parts);
  Encoding encode(std::string_view text) const override;
  std::string decode(std::span<const std::int64_t> ids) const override;
  std::string token_bytes(std::int64_t id) const override;
  std::int64_t vocab_size() const override { return parts_.vocabulary->size(); }
  std::int64_t model_vocab_size() const override { return parts_.model_ids; }
  std::optional<std::int64_t> bos_id() const override { return parts_.bos; }
  std::optional<std::int64_t> eos_id() const override { return parts_.eos; }
  bool adds_bos() const override { return parts_.adds_bos; }

 private:
  class Encoder;
  std::string decoded(std::span<const std::int64_t> ids, bool inside) const;
  TokenizerParts parts_;
  AddedTokens added_;
};

}  // namespace energy_lens
