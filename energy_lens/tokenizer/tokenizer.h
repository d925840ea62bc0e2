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
  // Half-open byte ranges of the source text, one per token. Where a token covers part of a character, its range is
  // still in bytes, so neighbouring ranges never overlap.
  std::vector<std::pair<std::size_t, std::size_t>> offsets;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Any bytes encode and round-trip. Special tokens written in the text ("<|endoftext|>") become their ids. Adds no
  // BOS.
  virtual Encoding encode(std::string_view text) const = 0;
  // Concatenated bytes of the tokens (may be cut inside a character). Errors: BadInput for an id outside the
  // vocabulary.
  virtual std::string decode(std::span<const std::int64_t> ids) const = 0;
  virtual std::int64_t vocab_size() const = 0;  // largest id + 1
  virtual std::optional<std::int64_t> bos_id() const = 0;
  virtual std::optional<std::int64_t> eos_id() const = 0;
  virtual bool adds_bos() const = 0;  // what tokenizer_config.json asks for
};

// Reads tokenizer.json, or vocab.json + merges.txt, and tokenizer_config.json where present.
// Errors: NotFound (neither form), BadInput (malformed, merges that name unknown tokens, ...).
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_folder);

// The bytes as text a person can read: invalid UTF-8 is shown as <0xNN>.
std::string printable(std::string_view bytes);

}  // namespace energy_lens
