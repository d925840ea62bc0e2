// The models of SentencePiece and llama2.c: a segmentation by scores, and bytes or one unknown token for what it does
// not cover.
#pragma once
#include <memory>

#include "energy_lens/tokenizer/score_merges.h"
#include "energy_lens/tokenizer/subword_model.h"
#include "energy_lens/tokenizer/unigram_model.h"
#include "energy_lens/tokenizer/vocabulary.h"

namespace energy_lens {

// `unknown` is the id of neighbouring unknown characters together, unless `byte_fallback`.
// Errors: BadInput for byte_fallback without all tokens <0x00> to <0xFF>.
std::unique_ptr<SubwordModel> merging_scored_model(const std::shared_ptr<const Vocabulary>& vocabulary,
                                                   ScoreMerges merges, std::int64_t unknown, bool byte_fallback);
std::unique_ptr<SubwordModel> unigram_scored_model(const std::shared_ptr<const Vocabulary>& vocabulary,
                                                   UnigramPath<float> path, std::int64_t unknown, bool byte_fallback);

}  // namespace energy_lens
