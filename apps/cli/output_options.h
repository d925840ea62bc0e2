// The options that say where a command reads its parameters from and what it shows while it works.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace energy_lens::cli {

struct OutputOptions {
  std::string config_file, json, progress = "auto";
  bool quiet = false;

  void add_to(CLI::App& command, const char* json_help);
  bool wants_progress() const;  // a terminal that was not asked to be left alone
  // To the file or standard output that --json names; nowhere without one.
  void write_json(const std::string& text) const;
};

}  // namespace energy_lens::cli
