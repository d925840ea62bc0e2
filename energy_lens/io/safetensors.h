// safetensors files: a memory-mapped reader that refuses every malformed header, and an atomic writer.
// Layout: u64 little-endian N, N bytes of JSON, then the buffer; offsets are relative to the buffer.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace energy_lens {

struct TensorInfo {
  at::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // bytes, relative to the buffer
};

class MappedFile;  // read-only mapping, private to io/

// Opening checks the whole header: size, UTF-8, duplicate keys, holes, overlaps, coverage, size = prod(shape) * dtype.
// Errors: NotFound (no such file), BadInput (anything malformed; one line naming file, tensor and what was expected).
class SafetensorsFile {
 public:
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // A view of the mapping, shape as stored; it keeps the mapping alive. Read only: never write to it.
  at::Tensor view(const std::string& name) const;
  // Copies tensor `name`, converted, into `out`: contiguous, as many numbers. Holds a few MB of the file at a time.
  void read(const std::string& name, const at::Tensor& out) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<MappedFile> file_;
  std::uint64_t buffer_begin_ = 0;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes to a temporary name beside `path`, then renames. Tensors of any strides; order: alignment descending, then
// name. Errors: Resource (disk full, not writable); nothing half-written is left behind.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace energy_lens
