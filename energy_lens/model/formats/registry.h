// The formats of checkpoints that can be read: one file each in this folder, one line each in registry.cpp. A format is
// told by a file's first bytes, never by its name.
#pragma once
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "energy_lens/io/file.h"
#include "energy_lens/model/formats/checkpoint_file.h"

namespace energy_lens {

struct CheckpointFormat {
  std::string_view name;
  // head: the file's first bytes, up to 64.
  bool (*recognises)(std::string_view head);
  // Errors: NotFound; BadInput (malformed).
  std::unique_ptr<CheckpointFile> (*open)(const std::filesystem::path& path);
  // What the model is, in config.json's keys, where the file itself says so; null where a config.json beside it does.
  // Errors: BadInput (malformed, an architecture that is not read).
  Json (*config)(const std::filesystem::path& path);
};

const std::vector<CheckpointFormat>& checkpoint_formats();

// nullptr: none of them, or not a readable file.
const CheckpointFormat* format_of_file(const std::filesystem::path& path);
// Errors: NotFound (no such file), BadInput naming the formats there are.
const CheckpointFormat& known_format(const std::filesystem::path& path);

// One a file of this folder, in the order of registry.cpp.
CheckpointFormat torch_format();
CheckpointFormat gguf_format();
CheckpointFormat llama2c_format();
CheckpointFormat safetensors_format();

}  // namespace energy_lens
