// Unigram language model segmentation: of all ways to cut a piece into tokens, the one whose scores (log probabilities)
// add up to most (Kudo 2018), by Viterbi's algorithm.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "energy_lens/tokenizer/byte_trie.h"
#include "energy_lens/tokenizer/json_fields.h"
#include "energy_lens/tokenizer/subword_model.h"
#include "energy_lens/tokenizer/vocabulary.h"

namespace energy_lens {

struct ScoredToken {
  std::string token;
  std::int64_t id = 0;
  double score = 0;
};

// The best path. Score is the type in which the reference keeps a path's score; ties depend on it.
template <typename Score>
class UnigramPath {
 public:
  // Characters that no token covers cost `unknown_score` and become `unknown`.
  UnigramPath(const std::vector<ScoredToken>& pieces, std::int64_t unknown, Score unknown_score);
  void find(std::string_view text, std::vector<Subword>& tokens) const;

 private:
  struct Node {
    Score score = 0;
    std::int64_t id = 0;
    std::ptrdiff_t begin = -1;  // -1: no path ends here
  };
  ByteTrie trie_;  // values are indices into ids_ and scores_
  std::vector<std::int64_t> ids_;
  std::vector<double> scores_;
  std::int64_t unknown_;
  Score unknown_score_;
};

extern template class UnigramPath<float>;
extern template class UnigramPath<double>;

// `model` of tokenizer.json, of type Unigram; its vocabulary is added to `vocabulary`.
std::unique_ptr<SubwordModel> read_unigram(const JsonFields& fields, const std::shared_ptr<Vocabulary>& vocabulary,
                                           bool byte_level);

}  // namespace energy_lens
