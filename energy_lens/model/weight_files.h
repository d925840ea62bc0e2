// The weight files of a checkpoint folder as a WeightSource: model.safetensors or its shards.
#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "energy_lens/io/safetensors.h"
#include "energy_lens/model/weight_source.h"

namespace energy_lens {

class WeightFiles : public WeightSource {
 public:
  // prefixes: alternatives that exports put before every name, tried in order ("", "transformer.").
  // Errors: NotFound (no weight file), BadInput (malformed file or index).
  WeightFiles(const std::filesystem::path& folder, std::vector<std::string> prefixes);

  void fill(const std::string& name, const at::Tensor& out) const override;
  std::string digest() const override;
  void check_all_used(const std::vector<std::string>& ignored) const override;

 private:
  std::string stored_name(const std::string& name) const;  // "" when absent
  void open_shards(const std::filesystem::path& index);
  std::filesystem::path folder_;
  std::vector<std::string> prefixes_;
  std::map<std::string, SafetensorsFile> files_;  // by file name
  std::map<std::string, std::string> file_of_;    // tensor -> file name
  mutable std::set<std::string> used_;
};

}  // namespace energy_lens
