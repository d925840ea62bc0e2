// What follows --layers: numbers separated by commas, or all.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace energy_lens::cli {

// "all" becomes the empty list. given: as the option took it, once or more often. Errors: Usage naming what is no
// number, and the layers of the model that `command` was asked for where that lies on this machine.
std::vector<std::int64_t> parse_layers(const CLI::App& command, const std::vector<std::string>& given);

}  // namespace energy_lens::cli
