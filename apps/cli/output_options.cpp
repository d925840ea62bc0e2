#include "apps/cli/output_options.h"

#include <cstdio>

#include "apps/cli/progress_bar.h"
#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {

// A folder made for a mistyped path would hide the result.
void require_its_folder(const std::string& option, const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  std::error_code ignored;
  if (folder.empty() || std::filesystem::is_directory(folder, ignored)) return;
  fail(ErrorKind::NotFound, "write",
       option + " got " + file + ", but there is no folder " + folder.string() +
           ", expected one that exists; make it first (mkdir -p), or name a file elsewhere");
}

void OutputOptions::add_to(CLI::App& command, const char* json_help) {
  command.add_option("--config", config_file, "JSON file of these parameters; flags win over it");
  add_json(command, json_help);
  add_progress(command, "print nothing but errors and what --json asks for");
}

void OutputOptions::add_json(CLI::App& command, const char* help) {
  command.add_option("--json", json, help)->each([](const std::string& file) { require_its_folder("--json", file); });
}

void OutputOptions::add_progress(CLI::App& command, const char* quiet_help) {
  command.add_option("--progress", progress, "auto or never")
      ->check(CLI::IsMember({"auto", "never"}))
      ->capture_default_str();
  command.add_flag("--quiet", quiet, quiet_help);
}

bool OutputOptions::wants_progress() const { return cli::wants_progress(progress, quiet); }

void OutputOptions::write_json(const std::string& text) const {
  if (json.empty()) return;
  if (json != "-") return write_file(json, text);
  print(text);
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail(ErrorKind::Resource, "write", "standard output cannot take the result: is the disk full or the pipe closed?");
  }
}

}  // namespace energy_lens::cli
