// Byte-level BPE, as GPT-2 and its relatives use it: added tokens are cut out first, a pattern splits the rest into
// pieces, and each piece's bytes are merged. Any bytes encode.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "energy_lens/tokenizer/merges.h"
#include "energy_lens/tokenizer/split_pattern.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {

// A token that stands for itself wherever it is written.
struct AddedToken {
  std::string content;  // raw bytes
  std::int64_t id = 0;
  bool strips_left = false, strips_right = false;  // swallows white space beside it
};

struct ByteLevelParts {
  std::vector<std::string> tokens;  // raw bytes by id; a hole in the ids is empty
  Merges merges;
  std::vector<AddedToken> added;
  std::string pattern;
  bool add_prefix_space = false;
  bool ignore_merges = false;  // a piece that is a token as it stands is not merged
  std::optional<std::int64_t> bos, eos;
  bool adds_bos = false;
};

class ByteLevelTokenizer : public Tokenizer {
 public:
  // Errors: BadInput (a byte without a token, an added token without content).
  explicit ByteLevelTokenizer(ByteLevelParts parts);
  Encoding encode(std::string_view text) const override;
  std::string decode(std::span<const std::int64_t> ids) const override;
  std::int64_t vocab_size() const override { return static_cast<std::int64_t>(parts_.tokens.size()); }
  std::optional<std::int64_t> bos_id() const override { return parts_.bos; }
  std::optional<std::int64_t> eos_id() const override { return parts_.eos; }
  bool adds_bos() const override { return parts_.adds_bos; }

 private:
  using PieceCache = std::unordered_map<std::string, std::vector<std::int64_t>>;
  const AddedToken* added_at(std::string_view text, std::size_t at) const;
  void encode_plain(std::string_view text, std::size_t begin, std::size_t end, Encoding& encoding,
                    PieceCache& cache) const;
  const std::vector<std::int64_t>& piece_ids(std::string_view piece, PieceCache& cache) const;
  ByteLevelParts parts_;
  SplitPattern pattern_;
  std::vector<std::int64_t> byte_ids_;  // 256
  std::unordered_map<std::string, std::int64_t> id_of_;
};

}  // namespace energy_lens
