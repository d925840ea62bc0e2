// What a study works on: the model, its tokenizer, the texts to show, and equal token windows of the corpus, one per
// document, split by document digest into S (dictionary learning), A (discovery) and B (confirmation).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "energy_lens/core/progress.h"
#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/experiment/study_config.h"
#include "energy_lens/io/corpus.h"
#include "energy_lens/model/model.h"
#include "energy_lens/stats/split.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {

struct Window {
  std::string id, stratum;
  Split split;
  std::vector<std::int64_t> ids;  // T tokens, the first is BOS where the model has one
};

struct StudyData {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<std::string> texts;
  std::vector<Window> windows;
  std::string corpus_digest;
  std::int64_t documents_read = 0, documents_too_short = 0, documents_repeated = 0, documents_similar = 0;
  std::int64_t first_position = 0;  // 1 where a BOS is prepended: position 0 is left out of every statistic

  std::vector<const Window*> of(Split split) const;
};

// Documents are taken in the order of their digests; one whose window another gave, or of whose window half or more
// stands in those taken before (near_copies.h), is left out and counted. Errors: those of the readers; BadInput when
// fewer than 6 documents fill a window, naming how many did.
StudyData load_study_data(const StudyConfig& config, Progress& progress);

struct GivenText {
  std::string text;
  std::string place;  // "--text 2 of 3" or "<path>:<line>"
};

// --text and --texts together. Errors: those of read_texts; BadInput naming the text that is not UTF-8.
std::vector<GivenText> given_texts(const std::vector<std::string>& text, const std::string& file);

// Whether a text can be scored. ids: its tokens. Errors: BadInput naming its place (fewer than two tokens, one that the
// model does not have).
void check_text(const std::string& operation, const GivenText& given, const std::vector<std::int64_t>& ids,
                const Model& model);

// The text's tokens, BOS first where the model has one.
std::vector<std::int64_t> with_bos(const Tokenizer& tokenizer, const std::string& text);

// Tokens as a person reads them; "[id 50300]" where the tokenizer has none, as in the padding rows of an unembedding.
std::vector<std::string> token_strings(const Tokenizer& tokenizer, const std::vector<std::int64_t>& ids);

// Their text, or the tokens one after another where the tokenizer does not have them all.
std::string readable(const Tokenizer& tokenizer, const std::vector<std::int64_t>& ids);

}  // namespace energy_lens
