// Tokens back to text ("decoder" of tokenizer.json).
#pragma once
#include <string>
#include <vector>

#include "energy_lens/tokenizer/steps.h"

namespace energy_lens {

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Rewrites the tokens' texts. Where `inside`, they stand in the middle of a text, whose beginning is left alone.
  virtual void apply(std::vector<std::string>& tokens, bool inside) const = 0;
};

using Decoders = Steps<Decoder>;

// Errors: BadInput for a decoder that is not supported, by its name, or is malformed.
Decoders read_decoders(const SortedJson& json);

std::unique_ptr<Decoder> byte_level_decoder();
// SentencePiece's: "<0xNN>" to bytes, `space` to a space, one space at the beginning left out.
Decoders sentencepiece_decoders(const std::string& space, bool strips_first);

}  // namespace energy_lens
