#include "energy_lens/tokenizer/pipeline.h"

#include <algorithm>

namespace energy_lens {
namespace {

constexpr std::size_t kCachedPiece = 64, kCachedPieces = 1 << 16;  // words repeat; longer pieces hardly do

// Ranges that neighbours share belong to the first of them.
Encoding to_encoding(const std::vector<PlacedToken>& tokens) {
  Encoding encoding;
  std::size_t done = 0;
  for (const PlacedToken& token : tokens) {
    const std::size_t begin = std::max(token.source.begin, done), end = std::max(token.source.end, begin);
    encoding.ids.push_back(token.id);
    encoding.offsets.emplace_back(begin, end);
    done = end;
  }
  return encoding;
}

}  // namespace

// One text on its way through the parts.
class PipelineTokenizer::Encoder {
 public:
  Encoder(const PipelineTokenizer& tokenizer, std::string_view source)
      : parts_(tokenizer.parts_), added_(tokenizer.added_), source_(source) {}

  std::vector<PlacedToken> run() {
    for (const AddedStretch& stretch : added_.find(source_, false)) {
      AlignedText text(source_.substr(stretch.range.begin, stretch.range.end - stretch.range.begin),
                       stretch.range.begin);
      if (stretch.id >= 0) {
        place_added(text, {0, text.size()}, stretch.id);
      } else {
        encode_stretch(std::move(text));
      }
    }
    for (const bool adds_prefix_space : parts_.post_processor.trims) trim(tokens_, source_, adds_prefix_space);
    return std::move(tokens_);
  }

 private:
  void encode_stretch(AlignedText text) {
    for (const auto& normalizer : parts_.normalizers) normalizer->apply(text);
    for (const AddedStretch& stretch : added_.find(text.text(), true)) {
      if (stretch.id >= 0) {
        place_added(text, stretch.range, stretch.id);
      } else {
        encode_plain(text.slice(stretch.range));
      }
    }
  }

  void encode_plain(AlignedText text) {
    Pieces pieces;
    pieces.ranges = {{0, text.size()}};
    pieces.text = std::move(text);
    for (const auto& pre_tokenizer : parts_.pre_tokenizers) pre_tokenizer->apply(pieces);
    for (const Range& piece : pieces.ranges) place_piece(pieces.text, piece);
  }

  void place_added(const AlignedText& text, Range range, std::int64_t id) {
    const std::string_view written = std::string_view(text.text()).substr(range.begin, range.end - range.begin);
    place(text, range, id, written);
  }

  void place_piece(const AlignedText& text, Range piece) {
    const std::string_view bytes = std::string_view(text.text()).substr(piece.begin, piece.end - piece.begin);
    for (const Subword& token : subwords(bytes)) {
      const Range range{piece.begin + token.range.begin, piece.begin + token.range.end};
      place(text, range, token.id, parts_.vocabulary->token(token.id));
    }
  }

  void place(const AlignedText& text, Range range, std::int64_t id, std::string_view written) {
    PlacedToken token{id, text.source_of(range)};
    if (!parts_.post_processor.trims.empty()) {
      token.leading = leading_space(written);
      token.trailing = trailing_space(written);
    }
    tokens_.push_back(token);
  }

  const std::vector<Subword>& subwords(std::string_view piece) {
    const bool is_word = piece.size() <= kCachedPiece;
    const auto found = is_word ? cache_.find(std::string(piece)) : cache_.end();
    if (found != cache_.end()) return found->second;
    const bool keeps = is_word && cache_.size() < kCachedPieces;
    std::vector<Subword>& made = keeps ? cache_[std::string(piece)] : uncached_;
    made.clear();
    parts_.model->tokenize(piece, made);
    return made;
  }

  const TokenizerParts& parts_;
  const AddedTokens& added_;
  std::string_view source_;
  std::vector<PlacedToken> tokens_;
  std::unordered_map<std::string, std::vector<Subword>> cache_;
  std::vector<Subword> uncached_;
};

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts)
    : parts_(std::move(parts)), added_(std::move(parts_.added), parts_.normalizers) {
  if (parts_.model_ids == 0) parts_.model_ids = parts_.vocabulary->size();
}

Encoding PipelineTokenizer::encode(std::string_view text) const { return to_encoding(Encoder(*this, text).run()); }

std::string PipelineTokenizer::decoded(std::span<const std::int64_t> ids, bool inside) const {
  std::vector<std::string> tokens;
  for (const std::int64_t id : ids) tokens.push_back(parts_.vocabulary->token(id));
  for (const auto& decoder : parts_.decoders) decoder->apply(tokens, inside);
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

std::string PipelineTokenizer::decode(std::span<const std::int64_t> ids) const { return decoded(ids, false); }

std::string PipelineTokenizer::token_bytes(std::int64_t id) const { return decoded({&id, 1}, true); }

}  // namespace energy_lens
