// The index of a checkpoint that is split over several files: model.safetensors.index.json,
// pytorch_model.bin.index.json.
#pragma once
#include <filesystem>
#include <map>
#include <string>

namespace energy_lens {

// Tensor name -> name of a file in the folder of the index. Errors: NotFound; BadInput: no "weight_map", it is empty,
// or it names anything but a plain file (a path, "..", a hidden file).
std::map<std::string, std::string> read_shard_index(const std::filesystem::path& path);

}  // namespace energy_lens
