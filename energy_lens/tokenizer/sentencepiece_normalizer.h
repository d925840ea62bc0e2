// SentencePiece's normalization: the character map, spaces at the ends and doubled ones left out, one put in front, and
// all written as U+2581, each as the model's normalizer_spec asks.
#pragma once
#include <string>
#include <vector>

#include "energy_lens/tokenizer/byte_trie.h"
#include "energy_lens/tokenizer/character_map.h"
#include "energy_lens/tokenizer/normalizer.h"

namespace energy_lens {

struct SentencePieceSpec {
  CharacterMap map;
  ByteTrie whole;  // user-defined pieces, which are left as they are
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

class SentencePieceNormalizer : public Normalizer {
 public:
  explicit SentencePieceNormalizer(SentencePieceSpec spec) : spec_(std::move(spec)) {}
  // A byte that is not UTF-8 becomes U+FFFD.
  void apply(AlignedText& text) const override;

 private:
  class Writer;
  struct Prefix {
    std::string_view text;
    std::size_t length = 0;  // bytes of the source that it stands for
  };
  Prefix prefix(std::string_view text) const;
  SentencePieceSpec spec_;
};

}  // namespace energy_lens
