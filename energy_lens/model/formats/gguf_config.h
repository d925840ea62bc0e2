// A GGUF file's metadata under its architecture, "llama.block_count", with every refusal naming the key. A key that
// nobody asked for may change the numbers, so it is refused too.
#pragma once
#include <cstdint>
#include <set>
#include <string>

#include "energy_lens/io/gguf.h"

namespace energy_lens {

class GgufConfig {
 public:
  // file must outlive it. Errors of all members: BadInput.
  GgufConfig(const GgufFile& file, std::string architecture) : file_(file), architecture_(std::move(architecture)) {}

  const GgufFile& file() const { return file_; }
  bool has(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  std::int64_t integer_or(const std::string& key, std::int64_t absent) const;
  double number(const std::string& key) const;
  double number_or(const std::string& key, double absent) const;
  std::string text_or(const std::string& key, const std::string& absent) const;
  std::int64_t rows(const std::string& tensor) const;  // first size of a tensor's shape
  // Numbers of a vector that is stored as a tensor.
  Json vector(const std::string& tensor) const;
  // Variants that would change the numbers silently are refused by name.
  void expect_integer(const std::string& key, std::int64_t built) const;
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;
  void check_all_used() const;

 private:
  std::string full(const std::string& key) const { return architecture_ + "." + key; }
  const GgufFile& file_;
  std::string architecture_;
  mutable std::set<std::string> used_;
};

}  // namespace energy_lens
