// Where a --model argument points.
#pragma once
#include <filesystem>
#include <string>

namespace energy_lens::cli {

// "" is the embedded demo model: $ENERGY_LENS_MODELS/demo, share/energy-lens/models/demo beside the binary, or the
// source tree. Anything else is a folder. Errors: NotFound naming the places looked at.
std::filesystem::path resolve_model(const std::string& argument);

}  // namespace energy_lens::cli
