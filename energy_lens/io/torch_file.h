// Files of tensors that torch.save writes (.bin, .pt, .pth): a zip archive with a pickle, data.pkl, that says which
// part of which entry data/<n> each tensor is. Read without running anything (pickle.h); only state dictionaries are
// understood: nested dictionaries whose leaves are tensors (other leaves are left out).
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "energy_lens/io/zip_archive.h"

namespace energy_lens {

struct TorchTensor {
  at::ScalarType dtype;
  std::vector<std::int64_t> shape, strides;
  std::int64_t offset = 0;  // elements from the storage's first
  std::int64_t span = 0;    // elements from the first to the last that it uses, both included
  std::string storage;      // entry of the archive; tensors may share one
};

class TorchFile {
 public:
  // Errors: NotFound; BadInput (not of this format, older than torch 1.6's, damaged, big-endian, a global or opcode
  // that tensors do not need, tensors that overlap themselves or reach outside their storage).
  explicit TorchFile(const std::filesystem::path& path);

  // By name; keys of nested dictionaries are joined by dots.
  const std::map<std::string, TorchTensor>& tensors() const { return tensors_; }

  // Writes a tensor, converted, into `out`: contiguous, same shape, on the CPU. Needs memory for one piece of 4 M
  // elements, or the span of a tensor that is not contiguous. Errors: BadInput (damaged entry).
  void read(const std::string& name, const at::Tensor& out) const;

 private:
  ZipArchive archive_;
  std::map<std::string, TorchTensor> tensors_;
};

// Whether a file of at least 16 bytes that begins so is torch.save's, of any age.
bool looks_like_torch(std::string_view head);

}  // namespace energy_lens
