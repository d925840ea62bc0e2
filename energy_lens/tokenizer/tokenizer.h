// Text <-> token ids, exactly as the model's own tokenizer.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace energy_lens {

struct Encoding {
  std::vector<std::int64_t> ids;
  // Half-open byte ranges of the source text, one per token, in order and never overlapping. A token that covers part
  // of a character has that part's bytes; where normalization made several tokens of the same characters the first has
  // them all and the others are empty, as are tokens that stand for nothing in the source (a space put in front).
  std::vector<std::pair<std::size_t, std::size_t>> offsets;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Any bytes encode. Added tokens written in the text ("<|endoftext|>") become their ids. Adds no BOS.
  // Errors: BadInput when a pattern of the tokenizer's file gives up on the text.
  virtual Encoding encode(std::string_view text) const = 0;
  // The text of the tokens as a whole; of a byte-level vocabulary their concatenated bytes (may be cut inside a
  // character). Errors: BadInput for an id outside the vocabulary.
  virtual std::string decode(std::span<const std::int64_t> ids) const = 0;
  // The bytes of one token in the middle of a text. Errors: as decode.
  virtual std::string token_bytes(std::int64_t id) const = 0;
  virtual std::int64_t vocab_size() const = 0;        // largest id + 1
  virtual std::int64_t model_vocab_size() const = 0;  // the same of the vocabulary without tokens added to it
  virtual std::optional<std::int64_t> bos_id() const = 0;
  virtual std::optional<std::int64_t> eos_id() const = 0;
  virtual bool adds_bos() const = 0;  // what tokenizer_config.json, or else the tokenizer itself, asks for
};

// Reads a model folder's tokenizer.json, tokenizer.model (SentencePiece) or vocab.json with merges.txt, the first that
// is there, with tokenizer_config.json and special_tokens_map.json where present; or one such file, or a llama2.c
// tokenizer (.bin). docs/tokenizers.md lists what is supported.
// Errors: NotFound (none of these), BadInput (malformed, or not supported: named in the message).
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder_or_file);

// The bytes as text a person can read: invalid UTF-8 is shown as <0xNN>.
std::string printable(std::string_view bytes);

}  // namespace energy_lens
