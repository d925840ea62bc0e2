// Pre-tokenizers: how a normalized text is cut into the pieces that the model sees one by one ("pre_tokenizer" of
// tokenizer.json).
#pragma once
#include "energy_lens/tokenizer/aligned_text.h"
#include "energy_lens/tokenizer/steps.h"

namespace energy_lens {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Cuts each piece further and may rewrite it. No piece that remains is empty.
  virtual void apply(Pieces& pieces) const = 0;
};

using PreTokenizers = Steps<PreTokenizer>;

// Errors: BadInput for a pre-tokenizer that is not supported, by its name, or is malformed.
PreTokenizers read_pre_tokenizers(const SortedJson& json);

// GPT-2's own, for vocabularies that come without a tokenizer.json.
std::unique_ptr<PreTokenizer> byte_level_pre_tokenizer();

}  // namespace energy_lens
