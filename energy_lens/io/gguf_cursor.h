// A position in a GGUF file that cannot leave it.
#pragma once
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "energy_lens/io/file.h"

namespace energy_lens {

class GgufCursor {
 public:
  GgufCursor(const std::filesystem::path& path, std::span<const std::uint8_t> bytes, std::uint64_t at)
      : path_(path), bytes_(bytes), at_(at) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void refuse(const std::string& reason) const;  // BadInput naming file and byte

  const std::uint8_t* take(std::uint64_t size);
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  std::string_view text();  // u64 length, bytes

  // The next value with its u32 type before it: skipped, or decoded.
  void skip_value();
  Json value();

 private:
  struct ListHead {
    std::uint32_t type;
    std::uint64_t count;
  };
  ListHead list_head();
  const std::filesystem::path& path_;
  std::span<const std::uint8_t> bytes_;
  std::uint64_t at_;
};

}  // namespace energy_lens
