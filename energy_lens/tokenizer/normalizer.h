// Normalizers: what a text goes through before it is cut into pieces ("normalizer" of tokenizer.json).
#pragma once
#include <memory>

#include "energy_lens/tokenizer/aligned_text.h"
#include "energy_lens/tokenizer/steps.h"

namespace energy_lens {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text) const = 0;
};

using Normalizers = Steps<Normalizer>;

// Errors: BadInput for a normalizer that is not supported, by its name, or is malformed.
Normalizers read_normalizers(const SortedJson& json);

// Puts `content` before every text that is not empty.
std::unique_ptr<Normalizer> prepend_normalizer(std::string content);

}  // namespace energy_lens
