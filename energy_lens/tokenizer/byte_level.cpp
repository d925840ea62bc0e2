#include "energy_lens/tokenizer/byte_level.h"

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

ByteLevelTokenizer::ByteLevelTokenizer(ByteLevelParts parts)
    : parts_(std::move(parts)), pattern_(parts_.pattern), byte_ids_(256, -1) {
  for (std::size_t id = 0; id < parts_.tokens.size(); ++id) {
    const std::string& token = parts_.tokens[id];
    if (token.empty()) continue;
    id_of_.try_emplace(token, static_cast<std::int64_t>(id));
    if (token.size() == 1) byte_ids_[static_cast<unsigned char>(token[0])] = static_cast<std::int64_t>(id);
  }
  const auto missing = std::find(byte_ids_.begin(), byte_ids_.end(), -1);
  if (missing != byte_ids_.end()) {
    fail(ErrorKind::BadInput, "load_tokenizer",
         "the vocabulary has no token for byte " + std::to_string(missing - byte_ids_.begin()) +
             ", expected all 256 of a byte-level vocabulary");
  }
  // Longest first: where two added tokens start at one place the longer is meant.
  std::stable_sort(parts_.added.begin(), parts_.added.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.content.size() > b.content.size(); });
  for (const AddedToken& token : parts_.added) {
    if (token.content.empty()) fail(ErrorKind::BadInput, "load_tokenizer", "an added token has no content");
  }
}

const AddedToken* ByteLevelTokenizer::added_at(std::string_view text, std::size_t at) const {
  for (const AddedToken& token : parts_.added) {
    if (text.compare(at, token.content.size(), token.content) == 0) return &token;
  }
  return nullptr;
}

Encoding ByteLevelTokenizer::encode(std::string_view text) const {
  Encoding encoding;
  PieceCache cache;
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = added_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + token->content.size();
    while (token->strips_left && begin > plain && is_ascii_space(text[begin - 1])) --begin;
    while (token->strips_right && end < text.size() && is_ascii_space(text[end])) ++end;
    encode_plain(text, plain, begin, encoding, cache);
    encoding.ids.push_back(token->id);
    encoding.offsets.emplace_back(begin, end);
    plain = at = end;
  }
  encode_plain(text, plain, text.size(), encoding, cache);
  return encoding;
}

void ByteLevelTokenizer::encode_plain(std::string_view text, std::size_t begin, std::size_t end, Encoding& encoding,
                                      PieceCache& cache) const {
  if (begin == end) return;
  std::string stretch(text.substr(begin, end - begin));
  // The space added in front is no byte of the source.
  const std::size_t added = parts_.add_prefix_space && !is_ascii_space(stretch[0]) ? 1 : 0;
  if (added == 1) stretch.insert(stretch.begin(), ' ');
  const auto source = [&](std::size_t at) { return begin + (at < added ? 0 : at - added); };
  pattern_.split(stretch, [&](std::size_t from, std::size_t to) {
    std::size_t at = from;
    for (const std::int64_t id : piece_ids(std::string_view(stretch).substr(from, to - from), cache)) {
      const std::size_t next = at + parts_.tokens[id].size();
      encoding.ids.push_back(id);
      encoding.offsets.emplace_back(source(at), source(next));
      at = next;
    }
  });
}

const std::vector<std::int64_t>& ByteLevelTokenizer::piece_ids(std::string_view piece, PieceCache& cache) const {
  const auto [entry, is_new] = cache.try_emplace(std::string(piece));
  if (!is_new) return entry->second;
  const auto whole = parts_.ignore_merges ? id_of_.find(entry->first) : id_of_.end();
  if (whole != id_of_.end()) {
    entry->second = {whole->second};
    return entry->second;
  }
  std::vector<std::int64_t> ids;
  for (const char byte : piece) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  entry->second = parts_.merges.apply(std::move(ids));
  return entry->second;
}

std::string ByteLevelTokenizer::decode(std::span<const std::int64_t> ids) const {
  std::string bytes;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocab_size()) {
      fail(ErrorKind::BadInput, "decode",
           "got token id " + std::to_string(id) + ", expected 0 to " + std::to_string(vocab_size() - 1));
    }
    bytes += parts_.tokens[id];
  }
  return bytes;
}

}  // namespace energy_lens
