#include "energy_lens/tokenizer/scored_model.h"

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

void segment(const ScoreMerges& merges, std::string_view piece, std::vector<Subword>& tokens) {
  merges.apply(piece, tokens);
}

void segment(const UnigramPath<float>& path, std::string_view piece, std::vector<Subword>& tokens) {
  path.find(piece, tokens);
}

template <typename Segmentation>
class ScoredModel : public SubwordModel {
 public:
  ScoredModel(const Vocabulary& vocabulary, Segmentation segmentation, std::int64_t unknown, bool byte_fallback)
      : segmentation_(std::move(segmentation)), unknown_(unknown) {
    if (!byte_fallback) return;
    byte_tokens_ = vocabulary.byte_tokens();
    if (std::count(byte_tokens_.begin(), byte_tokens_.end(), -1) > 0) {
      fail(ErrorKind::BadInput, "load_tokenizer", "byte fallback needs all tokens <0x00> to <0xFF>");
    }
  }

  void tokenize(std::string_view piece, std::vector<Subword>& tokens) const override {
    std::vector<Subword> found;
    segment(segmentation_, piece, found);
    bool after_unknown = false;
    for (const Subword& token : found) {
      const bool is_unknown = token.id < 0 || token.id == unknown_;
      if (!is_unknown) {
        tokens.push_back(token);
      } else if (!byte_tokens_.empty()) {
        add_bytes(piece, token.range, tokens);
      } else if (after_unknown) {
        tokens.back().range.end = token.range.end;
      } else {
        tokens.push_back({unknown_, token.range});
      }
      after_unknown = is_unknown;
    }
  }

 private:
  void add_bytes(std::string_view piece, Range range, std::vector<Subword>& tokens) const {
    for (std::size_t at = range.begin; at < range.end; ++at) {
      tokens.push_back({byte_tokens_[static_cast<unsigned char>(piece[at])], {at, at + 1}});
    }
  }
  Segmentation segmentation_;
  std::int64_t unknown_;
  std::vector<std::int64_t> byte_tokens_;
};

}  // namespace

std::unique_ptr<SubwordModel> merging_scored_model(const std::shared_ptr<const Vocabulary>& vocabulary,
                                                   ScoreMerges merges, std::int64_t unknown, bool byte_fallback) {
  return std::make_unique<ScoredModel<ScoreMerges>>(*vocabulary, std::move(merges), unknown, byte_fallback);
}

std::unique_ptr<SubwordModel> unigram_scored_model(const std::shared_ptr<const Vocabulary>& vocabulary,
                                                   UnigramPath<float> path, std::int64_t unknown, bool byte_fallback) {
  return std::make_unique<ScoredModel<UnigramPath<float>>>(*vocabulary, std::move(path), unknown, byte_fallback);
}

}  // namespace energy_lens
