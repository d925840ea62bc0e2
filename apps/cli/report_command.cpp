#include <memory>

#include "apps/cli/command.h"
#include "energy_lens/experiment/study_output.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {

void add_report(CLI::App& app) {
  struct Arguments {
    std::string results, out;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("report", "Render report.md and report.html again from a results.json");
  command->add_option("results", arguments->results, "results.json of a study, or its folder")->required();
  command->add_option("--out", arguments->out, "folder for the reports (default: beside results.json)");
  command->callback([arguments] {
    std::filesystem::path results = arguments->results;
    if (std::filesystem::is_directory(results)) results /= "results.json";
    // Absolute, because a bare file name has no parent.
    const std::filesystem::path beside = std::filesystem::absolute(results).parent_path();
    write_reports(arguments->out.empty() ? beside : std::filesystem::path(arguments->out),
                  read_json(results, std::uint64_t{8} << 30, kMostResultValues));
  });
}

}  // namespace energy_lens::cli
