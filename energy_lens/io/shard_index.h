// The files that hold a checkpoint's weights, and the index of one that is split over several of them.
#pragma once
#include <array>
#include <filesystem>
#include <map>
#include <string>

namespace energy_lens {

struct WeightFile {
  const char* name;
  bool is_index;  // names the files that hold the tensors
};
// The usual names, in order of preference.
inline constexpr std::array kWeightFiles = {
    WeightFile{"model.safetensors", false}, WeightFile{"model.safetensors.index.json", true},
    WeightFile{"pytorch_model.bin", false}, WeightFile{"pytorch_model.bin.index.json", true}};

// Tensor name -> name of a file in the folder of the index. Errors: NotFound; BadInput: no "weight_map", it is empty,
// or it names anything but a plain file (a path, "..", a hidden file).
std::map<std::string, std::string> read_shard_index(const std::filesystem::path& path);

}  // namespace energy_lens
