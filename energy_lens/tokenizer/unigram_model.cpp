#include "energy_lens/tokenizer/unigram_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

constexpr double kUnknownPenalty = 10.0;

}  // namespace

template <typename Score>
UnigramPath<Score>::UnigramPath(const std::vector<ScoredToken>& pieces, std::int64_t unknown, Score unknown_score)
    : unknown_(unknown), unknown_score_(unknown_score) {
  std::vector<std::pair<std::string, std::int64_t>> keys;
  for (const ScoredToken& piece : pieces) {
    keys.emplace_back(piece.token, static_cast<std::int64_t>(ids_.size()));
    ids_.push_back(piece.id);
    scores_.push_back(piece.score);
  }
  trie_ = ByteTrie(std::move(keys));
}

template <typename Score>
void UnigramPath<Score>::find(std::string_view text, std::vector<Subword>& tokens) const {
  std::vector<Node> best(text.size() + 1);
  // Sums are compared before they are rounded to Score, except those of unknown characters, as the references do.
  const auto offer = [&](std::size_t begin, std::size_t end, std::int64_t id, auto score) {
    const auto sum = score + best[begin].score;
    Node& node = best[end];
    if (node.begin < 0 || sum > node.score) {
      node = {static_cast<Score>(sum), id, static_cast<std::ptrdiff_t>(begin)};
    }
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_at(text, at).length;
    bool has_character = false;
    trie_.prefixes(text.substr(at), [&](std::size_t size, std::int64_t index) {
      const auto i = static_cast<std::size_t>(index);
      offer(at, at + size, ids_[i], scores_[i]);
      has_character = has_character || size == length;
    });
    if (!has_character) offer(at, at + length, unknown_, unknown_score_);
    at += length;
  }
  const std::size_t first = tokens.size();
  for (std::size_t end = text.size(); end > 0;) {
    const auto begin = static_cast<std::size_t>(best[end].begin);
    tokens.push_back({best[end].id, {begin, end}});
    end = begin;
  }
  std::reverse(tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.end());
}

template class UnigramPath<float>;
template class UnigramPath<double>;

namespace {

// As `tokenizers` does: neighbouring unknown characters are one token, looked up once more as a whole.
class UnigramModel : public SubwordModel {
 public:
  UnigramModel(std::shared_ptr<const Vocabulary> vocabulary, UnigramPath<double> path, std::int64_t unknown,
               bool byte_fallback)
      : vocabulary_(std::move(vocabulary)), path_(std::move(path)), unknown_(unknown) {
    if (byte_fallback) byte_tokens_ = vocabulary_->byte_tokens();
  }

  void tokenize(std::string_view piece, std::vector<Subword>& tokens) const override {
    std::vector<Subword> path;
    path_.find(piece, path);
    for (std::size_t i = 0; i < path.size(); ++i) {
      Range range = path[i].range;
      if (path[i].id != unknown_) {
        tokens.push_back(path[i]);
        continue;
      }
      while (i + 1 < path.size() && path[i + 1].id == unknown_) range.end = path[++i].range.end;
      add_unknown(piece, range, tokens);
    }
  }

 private:
  void add_unknown(std::string_view piece, Range range, std::vector<Subword>& tokens) const {
    const std::string_view text = piece.substr(range.begin, range.end - range.begin);
    const auto whole = vocabulary_->find(text);
    const auto lacks = [&](char byte) { return byte_tokens_[static_cast<unsigned char>(byte)] < 0; };
    if (whole || byte_tokens_.empty() || std::any_of(text.begin(), text.end(), lacks)) {
      tokens.push_back({whole.value_or(unknown_), range});
      return;
    }
    // The reference gives every byte the whole stretch.
    for (const char byte : text) tokens.push_back({byte_tokens_[static_cast<unsigned char>(byte)], range});
  }

  std::shared_ptr<const Vocabulary> vocabulary_;
  UnigramPath<double> path_;
  std::int64_t unknown_;
  std::vector<std::int64_t> byte_tokens_;
};

}  // namespace

std::unique_ptr<SubwordModel> read_unigram(const JsonFields& fields, const std::shared_ptr<Vocabulary>& vocabulary,
                                           bool) {
  std::vector<ScoredToken> pieces;
  double least = std::numeric_limits<double>::infinity();
  for (const SortedJson& entry : fields.list("vocab")) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      fields.refuse("entry " + utf8_prefix(entry.dump(), 100) + " is not [\"token\", score]");
    }
    const auto id = static_cast<std::int64_t>(pieces.size());
    pieces.push_back({entry[0].get<std::string>(), id, entry[1].get<double>()});
    if (!std::isfinite(pieces.back().score)) fields.refuse("a score is not finite");
    least = std::min(least, pieces.back().score);
    vocabulary->add(pieces.back().token, id);
  }
  const SortedJson& unknown = fields.at("unk_id");
  if (!unknown.is_number_unsigned() || unknown.get<std::uint64_t>() >= pieces.size()) {
    fields.refuse("\"unk_id\" is " + utf8_prefix(unknown.dump(), 100) + ", expected an id of the vocabulary");
  }
  const auto id = unknown.get<std::int64_t>();
  return std::make_unique<UnigramModel>(vocabulary, UnigramPath<double>(pieces, id, least - kUnknownPenalty), id,
                                        fields.flag("byte_fallback", false));
}

}  // namespace energy_lens
