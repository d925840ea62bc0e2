// GGUF files, versions 2 and 3, little-endian: a memory-mapped reader of metadata and of F32, F16, BF16 and Q8_0
// tensors. Layout: "GGUF", u32 version, u64 tensors, u64 keys, the keys with their values, the tensors' descriptions,
// padding to general.alignment, the data.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "energy_lens/io/file.h"
#include "energy_lens/io/gguf_types.h"

namespace energy_lens {

class MappedFile;

struct GgufTensor {
  const GgufType* type;
  std::vector<std::int64_t> shape;   // row-major: the reverse of the file's order
  std::uint64_t begin = 0, end = 0;  // bytes from the start of the data
};

class GgufFile {
 public:
  // Opening checks every length, count, type and offset against the file, and that tensors neither overlap nor leave
  // it. Errors: NotFound; BadInput (malformed, another version or byte order, a type that is not read, one part of
  // several).
  explicit GgufFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }

  std::vector<std::string> keys() const;
  bool has(const std::string& key) const { return values_.contains(key); }
  // A key's value: number, true or false, text (bytes as stored, perhaps not UTF-8) or a list of one of them. Decoded
  // at each call. Errors: BadInput (no such key).
  Json value(const std::string& key) const;

  // Writes a tensor, dequantised and converted, into `out`: contiguous, same shape, floating, on the CPU.
  // Holds a few MB of the file at a time.
  void read(const std::string& name, const at::Tensor& out) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<MappedFile> file_;
  std::uint64_t data_begin_ = 0;
  std::map<std::string, std::uint64_t> values_;  // where each key's value begins
  std::map<std::string, GgufTensor> tensors_;
};

// Whether a file that begins so is GGUF.
bool looks_like_gguf(std::string_view head);

}  // namespace energy_lens
