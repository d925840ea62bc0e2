// The options that say where a command reads its parameters from and what it shows while it works.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace energy_lens::cli {

struct OutputOptions {
  std::string config_file, json, progress = "auto";
  bool quiet = false;

  // All of them; or those that a command has a use for.
  void add_to(CLI::App& command, const char* json_help);
  void add_json(CLI::App& command, const char* help);
  void add_progress(CLI::App& command, const char* quiet_help);
  bool wants_progress() const;  // a terminal that was not asked to be left alone
  // To the file or standard output that --json names; nowhere without one. Errors: Resource.
  void write_json(const std::string& text) const;
};

// Called before the work that a result is written after. Errors: NotFound, where the folder of `file` does not exist.
void require_its_folder(const std::string& option, const std::string& file);

// To standard output. Errors: Resource, where it does not take all of the text.
void print(const std::string& text);

}  // namespace energy_lens::cli
