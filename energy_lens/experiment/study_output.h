// Puts a finished study on disk. Each file appears whole or not at all.
#pragma once
#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>

#include "energy_lens/io/file.h"

namespace energy_lens {

// results.json, arrays.safetensors and both reports. Errors: Resource.
void write_study(const std::filesystem::path& folder, const Json& results,
                 const std::map<std::string, at::Tensor>& arrays);

// report.md and report.html, from the JSON alone. Errors: BadInput (not a study's results), Resource.
void write_reports(const std::filesystem::path& folder, const Json& results);

}  // namespace energy_lens
