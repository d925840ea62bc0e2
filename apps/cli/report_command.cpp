#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/output_options.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/study_output.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {
namespace {

// What is there but out of reach is reported by what reads it.
std::filesystem::path results_in(const std::string& given) {
  const std::filesystem::path path = given;
  std::error_code out_of_reach;
  const auto file = std::filesystem::is_directory(path, out_of_reach) ? path / "results.json" : path;
  if (std::filesystem::exists(file, out_of_reach) || out_of_reach) return file;
  fail(ErrorKind::NotFound, "report",
       "got '" + given + "', but " + (file == path ? "that" : file.string()) +
           " does not exist, expected results.json of a finished study, or its folder");
}

}  // namespace

void add_report(CLI::App& app) {
  struct Arguments {
    std::string results, out;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("report", "Render report.md and report.html again from a results.json");
  command->add_option("results", arguments->results, "results.json of a study, or its folder")->required();
  command->add_option("--out", arguments->out, "folder for the reports (default: beside results.json)");
  command->callback([arguments] {
    const std::filesystem::path results = results_in(arguments->results);
    // Absolute, because a bare file name has no parent.
    const std::filesystem::path beside = std::filesystem::absolute(results).parent_path();
    const std::filesystem::path folder = arguments->out.empty() ? beside : std::filesystem::path(arguments->out);
    write_reports(folder, read_json(results, std::uint64_t{8} << 30, kMostResultValues));
    print("Wrote " + (folder / "report.html").string() + " and report.md beside it.\n");
  });
}

}  // namespace energy_lens::cli
