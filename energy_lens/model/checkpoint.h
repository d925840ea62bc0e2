// A model on disk, in any of the formats of formats/registry.h.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "energy_lens/io/file.h"
#include "energy_lens/model/config.h"
#include "energy_lens/model/formats/registry.h"
#include "energy_lens/model/weight_source.h"

namespace energy_lens {

class Checkpoint {
 public:
  // path: a folder, or one file of weights. A folder's weights are model.safetensors or pytorch_model.bin, whole or in
  // shards, or else its only file of a known format. Errors: NotFound; BadInput (several such files, bad index).
  explicit Checkpoint(const std::filesystem::path& path);

  // The model's configuration in config.json's keys, from the weights' own file where it says what it is, else from
  // config.json beside the weights. Errors: NotFound, BadInput.
  Json config() const;
  // Where config() comes from.
  std::filesystem::path config_path() const;
  // prefixes: alternatives that exports put before every name, tried in order ("", "transformer.").
  // Errors: NotFound (no weights), BadInput (malformed).
  std::unique_ptr<WeightSource> weights(std::vector<std::string> prefixes) const;

 private:
  bool describes_itself() const { return format_ != nullptr && format_->config != nullptr; }
  std::filesystem::path path_, folder_;
  std::vector<std::filesystem::path> files_;  // of weights; empty where there are none
  const CheckpointFormat* format_ = nullptr;  // of the first file, where it is a known one
};

// Reads and checks config(); read_model_config(path) of config.h is this of Checkpoint(path).
ModelConfig read_model_config(const Checkpoint& checkpoint);

}  // namespace energy_lens
