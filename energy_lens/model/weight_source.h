// Tensors of a model folder by name, from model.safetensors or its shards, checked as they are taken.
#pragma once
#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "energy_lens/io/safetensors.h"

namespace energy_lens {

class WeightSource {
 public:
  // prefixes: alternatives that exports put before every name, tried in order ("", "transformer.").
  // Errors: NotFound (no weight file), BadInput (malformed file or index).
  WeightSource(const std::filesystem::path& folder, std::vector<std::string> prefixes);

  bool has(const std::string& name) const;
  // A copy of the tensor in `dtype`. Errors: BadInput naming the tensor (missing, wrong shape, not floating, NaN, Inf).
  at::Tensor take(const std::string& name, std::vector<std::int64_t> shape, at::ScalarType dtype) const;
  // SHA-256 over the weight files in order of name.
  std::string digest() const;

 private:
  std::string stored_name(const std::string& name) const;  // "" when absent
  void open_shards(const std::filesystem::path& index);
  std::filesystem::path folder_;
  std::vector<std::string> prefixes_;
  std::map<std::string, SafetensorsFile> files_;   // by file name
  std::map<std::string, std::string> file_of_;     // tensor -> file name
};

}  // namespace energy_lens
