#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/config_options.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_options.h"
#include "apps/cli/progress_bar.h"
#include "energy_lens/experiment/kept_parts.h"
#include "energy_lens/experiment/study.h"

namespace energy_lens::cli {
namespace {

struct StudyArguments {
  StudyConfig config;
  OutputOptions output;
};

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);
#else
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
#endif
}

// For a shell: what holds more than plain characters stands in single quotes.
std::string quoted(const std::string& value) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("_./,:=+@%-", c) != nullptr;
  };
  if (!value.empty() && std::all_of(value.begin(), value.end(), plain)) return value;
  std::string text = "'";
  for (const char c : value) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

// The options given, as they would be typed again.
std::string command_line(const CLI::App& command) {
  std::string text = "energy-lens study";
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    if (option->get_expected_min() == 0) {
      text += " " + option->get_name();
    } else {
      for (const std::string& value : option->results()) text += " " + option->get_name() + " " + quoted(value);
    }
  }
  return text;
}

StudyOutcome run_resumable(const StudyConfig& config, const StudyEnvironment& environment, Progress& progress) {
  try {
    return run_study(config, environment, progress);
  } catch (const Error& error) {
    const std::filesystem::path parts = parts_folder(config.out);
    if (error.kind() != ErrorKind::Interrupted || !std::filesystem::exists(parts)) throw;
    fail(ErrorKind::Interrupted, "study",
         "stopped on request; finished parts are in " + parts.string() + ", and the same command goes on from there");
  }
}

void run_study_command(CLI::App& command, StudyArguments& arguments) {
  apply_config_file(command, arguments.output.config_file, arguments.config);
  StudyConfig& config = arguments.config;
  check_config(config);
  config.model = resolve_model(config.model, arguments.output.wants_progress()).string();
  if (config.threads > 0) at::set_num_threads(static_cast<int>(config.threads));
  ProgressBar progress(arguments.output.wants_progress(), !arguments.output.quiet);
  const StudyEnvironment environment{EL_VERSION, EL_GIT_COMMIT, command_line(command), peak_megabytes};
  const StudyOutcome outcome = run_resumable(config, environment, progress);
  if (!arguments.output.json.empty()) arguments.output.write_json(read_file(outcome.folder / "results.json"));
  if (arguments.output.quiet || arguments.output.json == "-") return;
  print(outcome.summary + "\nPeak memory " + std::to_string(std::llround(outcome.peak_mb)) + " MB.\nWrote " +
        (outcome.folder / "report.html").string() + "\n");
}

}  // namespace

void add_study(CLI::App& app) {
  auto arguments = std::make_shared<StudyArguments>();
  CLI::App* command = app.add_subcommand("study", "The main job: corpus and texts in, measurements and a report out");
  StudyConfig::visit_fields(arguments->config, OptionAdder{*command});
  arguments->output.add_to(*command, "file for a copy of results.json, - for standard output");
  command->callback([command, arguments] { run_study_command(*command, *arguments); });
}

}  // namespace energy_lens::cli
