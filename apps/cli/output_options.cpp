#include "apps/cli/output_options.h"

#include <cstdio>

#include "apps/cli/progress_bar.h"
#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {

void OutputOptions::add_to(CLI::App& command, const char* json_help) {
  command.add_option("--config", config_file, "JSON file of these parameters; flags win over it");
  command.add_option("--json", json, json_help);
  command.add_option("--progress", progress, "auto or never")
      ->check(CLI::IsMember({"auto", "never"}))
      ->capture_default_str();
  command.add_flag("--quiet", quiet, "print nothing but errors and what --json asks for");
}

bool OutputOptions::wants_progress() const { return cli::wants_progress(progress, quiet); }

void OutputOptions::write_json(const std::string& text) const {
  if (json.empty()) return;
  if (json != "-") return write_file(json, text);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail(ErrorKind::Resource, "write", "standard output cannot take the result: is the disk full or the pipe closed?");
  }
}

}  // namespace energy_lens::cli
