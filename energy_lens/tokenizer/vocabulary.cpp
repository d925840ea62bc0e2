#include "energy_lens/tokenizer/vocabulary.h"

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kMaxId = 1 << 24;     // no vocabulary is near it; a larger id is a broken file
constexpr std::size_t kMaxBytes = 32 << 20;  // of all tokens together; large vocabularies have 3 MB
constexpr std::size_t kMaxToken = 4096;      // runs of spaces are the longest, with a few hundred
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

[[noreturn]] void refuse(const std::string& what) { fail(ErrorKind::BadInput, "load_tokenizer", what); }

}  // namespace

void Vocabulary::add(std::string token, std::int64_t id) {
  const std::string shown = "'" + utf8_prefix(token, 100) + "'";
  if (id < 0 || id > kMaxId) {
    refuse("token id " + std::to_string(id) + " of " + shown + " is not in 0 to " + std::to_string(kMaxId));
  }
  if (token.empty()) refuse("the token of id " + std::to_string(id) + " is empty");
  if (token.size() > kMaxToken) refuse("token " + shown + "... has more than " + std::to_string(kMaxToken) + " bytes");
  bytes_ += token.size();
  if (bytes_ > kMaxBytes) refuse("the tokens have more than " + std::to_string(kMaxBytes) + " bytes together");
  const auto at = static_cast<std::size_t>(id);
  if (at >= tokens_.size()) tokens_.resize(at + 1);
  const auto [entry, is_new] = ids_.try_emplace(token, id);
  if (!is_new && entry->second != id) {
    refuse("token " + shown + " has ids " + std::to_string(entry->second) + " and " + std::to_string(id));
  }
  if (!tokens_[at].empty() && tokens_[at] != token) refuse("two tokens have id " + std::to_string(id));
  tokens_[at] = std::move(token);
}

std::optional<std::int64_t> Vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string& Vocabulary::token(std::int64_t id) const {
  if (id < 0 || id >= size()) {
    fail(ErrorKind::BadInput, "decode",
         "got token id " + std::to_string(id) + ", expected 0 to " + std::to_string(size() - 1));
  }
  return tokens_[static_cast<std::size_t>(id)];
}

std::vector<std::int64_t> Vocabulary::byte_tokens() const {
  std::vector<std::int64_t> ids;
  for (int byte = 0; byte < 256; ++byte) ids.push_back(find(byte_token(static_cast<unsigned char>(byte))).value_or(-1));
  return ids;
}

std::string byte_token(unsigned char byte) {
  return std::string("<0x") + kHexDigits[byte >> 4] + kHexDigits[byte & 15] + ">";
}

std::optional<char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const std::size_t high = kHexDigits.find(token[3]), low = kHexDigits.find(token[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

}  // namespace energy_lens
