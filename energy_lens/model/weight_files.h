// The files of a checkpoint, in any format, as one WeightSource.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "energy_lens/model/formats/checkpoint_file.h"
#include "energy_lens/model/weight_source.h"

namespace energy_lens {

class WeightFiles : public WeightSource {
 public:
  // what, config: name the checkpoint and its configuration in errors. prefixes: alternatives that exports put before
  // every name, tried in order. Errors: NotFound (no such file), BadInput (malformed, one tensor in two files).
  WeightFiles(std::filesystem::path what, std::filesystem::path config, std::vector<std::filesystem::path> paths,
              std::vector<std::string> prefixes);

  void fill(const std::string& name, const at::Tensor& out) const override;
  void check(const std::string& name, at::IntArrayRef shape) const override;
  std::string digest() const override;
  void check_all_used(const std::vector<std::string>& ignored) const override;

 private:
  std::string stored_name(const std::string& name) const;  // "" when absent
  std::filesystem::path what_, config_;
  std::vector<std::filesystem::path> paths_;
  std::vector<std::string> prefixes_;
  std::vector<std::unique_ptr<CheckpointFile>> files_;
  std::map<std::string, const CheckpointFile*> file_of_;  // by tensor
  mutable std::set<std::string> used_;
};

}  // namespace energy_lens
