// The last step of encoding: a piece of text as tokens of the vocabulary ("model" of tokenizer.json).
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/aligned_text.h"

namespace energy_lens {

struct Subword {
  std::int64_t id = 0;
  Range range;  // bytes of the piece
};

class SubwordModel {
 public:
  virtual ~SubwordModel() = default;
  // Appends the tokens of `piece`, which is not empty.
  virtual void tokenize(std::string_view piece, std::vector<Subword>& tokens) const = 0;
};

}  // namespace energy_lens
