// Tokens by id and ids by token.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "energy_lens/tokenizer/string_hash.h"

namespace energy_lens {

class Vocabulary {
 public:
  // Errors: BadInput for an id below 0 or beyond any vocabulary's size, an id of two tokens, a token of two ids, and
  // tokens that alone or together are larger than in any vocabulary.
  void add(std::string token, std::int64_t id);

  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }  // largest id + 1
  std::optional<std::int64_t> find(std::string_view token) const;
  // "" for an id without token. Errors: BadInput for an id outside 0 to size() - 1.
  const std::string& token(std::int64_t id) const;
  // The ids of "<0x00>" to "<0xFF>", -1 where there is none.
  std::vector<std::int64_t> byte_tokens() const;

 private:
  std::vector<std::string> tokens_;
  StringMap<std::int64_t> ids_;
  std::size_t bytes_ = 0;
};

// "<0x0A>" for 10.
std::string byte_token(unsigned char byte);
// The byte that a token such as "<0x0A>" stands for.
std::optional<char> byte_of_token(std::string_view token);

}  // namespace energy_lens
