#include "energy_lens/tokenizer/added_tokens.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

bool word_before(std::string_view text, std::size_t at) {
  return at > 0 && is_word(character_at(text, at - skip_characters_back(text, at, 1)).code);
}

bool word_at(std::string_view text, std::size_t at) { return at < text.size() && is_word(character_at(text, at).code); }

std::size_t swallow_left(std::string_view text, std::size_t at, std::size_t stop) {
  while (at > stop) {
    const std::size_t length = skip_characters_back(text, at, 1);
    if (!is_white_space(character_at(text, at - length).code)) break;
    at -= length;
  }
  return at;
}

std::size_t swallow_right(std::string_view text, std::size_t at) {
  while (at < text.size() && is_white_space(character_at(text, at).code)) at += skip_characters(text, at, 1);
  return at;
}

std::string normalize(const std::string& content, const Normalizers& normalizers) {
  AlignedText text(content, 0);
  for (const auto& normalizer : normalizers) normalizer->apply(text);
  return text.text();
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizers& normalizers) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.special && !b.special; });
  std::vector<std::pair<std::string, std::int64_t>> written, normal;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    if (tokens_[i].normalized) {
      normal.emplace_back(normalize(tokens_[i].content, normalizers), index);
    } else {
      written.emplace_back(tokens_[i].content, index);
    }
  }
  as_written_ = ByteTrie(std::move(written));
  normalized_ = ByteTrie(std::move(normal));
}

std::vector<AddedStretch> AddedTokens::find(std::string_view text, bool normalized) const {
  const ByteTrie& trie = normalized ? normalized_ : as_written_;
  std::vector<AddedStretch> made;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto found = trie.longest(text.substr(at));
    if (!found) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(found->value)];
    std::size_t begin = at, end = at + found->length;
    at = end;
    if (token.single_word && (word_before(text, begin) || word_at(text, end))) continue;
    if (token.strips_left) begin = std::min(std::max(swallow_left(text, begin, std::min(done, begin)), done), end);
    if (token.strips_right) end = swallow_right(text, end);
    if (begin > done) made.push_back({{done, begin}});
    made.push_back({{begin, end}, token.id});
    done = end;
  }
  if (done < text.size()) made.push_back({{done, text.size()}});
  return made;
}

std::vector<AddedToken> read_added_tokens(const SortedJson& json, Vocabulary& vocabulary) {
  std::vector<AddedToken> made;
  if (json.is_null()) return made;
  if (!json.is_array()) fail(ErrorKind::BadInput, "load_tokenizer", "\"added_tokens\" is not a list");
  for (const SortedJson& entry : json) {
    const JsonFields fields(entry, "added token");
    AddedToken token;
    token.content = fields.text("content");
    if (token.content.empty()) fields.refuse("it has no content");
    const SortedJson& id = fields.at("id");
    if (!id.is_number_unsigned())
      fields.refuse("\"id\" is " + utf8_prefix(id.dump(), 100) + ", expected a whole number");
    token.id = id.get<std::uint64_t>() <= INT64_MAX ? id.get<std::int64_t>() : INT64_MAX;
    token.single_word = fields.flag("single_word", false);
    token.strips_left = fields.flag("lstrip", false);
    token.strips_right = fields.flag("rstrip", false);
    token.special = fields.flag("special", false);
    token.normalized = fields.flag("normalized", !token.special);
    if (!vocabulary.find(token.content) && token.id > vocabulary.size()) {
      fields.refuse("token '" + utf8_prefix(token.content, 100) + "' has id " + std::to_string(token.id) +
                    ", expected " + std::to_string(vocabulary.size()) + ", the next after the vocabulary");
    }
    vocabulary.add(token.content, token.id);
    made.push_back(std::move(token));
  }
  return made;
}

}  // namespace energy_lens
