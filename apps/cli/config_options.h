// Turns a configuration's field list (visit_fields) into CLI11 options with their help, default and range.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "energy_lens/experiment/study_config.h"

namespace energy_lens::cli {

struct OptionAdder {
  CLI::App& command;

  void operator()(const char* name, std::string& value, const char* help) const {
    command.add_option(std::string("--") + name, value, help)->capture_default_str();
  }
  void operator()(const char* name, std::vector<std::int64_t>& values, const char* help) const {
    command.add_option(std::string("--") + name, values, help)->delimiter(',')->capture_default_str();
  }
  void operator()(const char* name, std::int64_t& value, const char* help, std::int64_t low, std::int64_t high) const {
    command.add_option(std::string("--") + name, value, help)->check(CLI::Range(low, high))->capture_default_str();
  }
};

}  // namespace energy_lens::cli
