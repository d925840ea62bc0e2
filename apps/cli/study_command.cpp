#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <cstdio>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/config_options.h"
#include "apps/cli/model_path.h"
#include "apps/cli/progress_bar.h"
#include "energy_lens/experiment/study.h"

namespace energy_lens::cli {
namespace {

struct StudyArguments {
  StudyConfig config;
  std::string progress = "auto";
  std::string config_file;
  bool quiet = false;
};

// Flags given on the command line win over the file: the file is applied first and then the flags are parsed again.
void apply_file(CLI::App& command, StudyArguments& arguments) {
  if (arguments.config_file.empty()) return;
  Json merged = read_json(arguments.config_file);
  const Json flags = config_to_json(arguments.config);
  for (const auto& item : flags.items()) {
    if (command.get_option("--" + item.key())->count() > 0) merged[item.key()] = item.value();
  }
  apply_config_json(arguments.config, merged);
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);
#else
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
#endif
}

// The options given, as they would be typed again.
std::string command_line(const CLI::App& command) {
  std::string text = "energy-lens study";
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    text += " " + option->get_name();
    std::string separator = " ";
    for (const std::string& value : option->results()) {
      text += separator + value;
      separator = ",";
    }
  }
  return text;
}

void run_study_command(CLI::App& command, StudyArguments& arguments) {
  apply_file(command, arguments);
  StudyConfig& config = arguments.config;
  check_config(config);
  config.model = resolve_model(config.model, wants_progress(arguments.progress, arguments.quiet)).string();
  if (config.threads > 0) at::set_num_threads(static_cast<int>(config.threads));
  ProgressBar progress(wants_progress(arguments.progress, arguments.quiet));
  const StudyEnvironment environment{EL_VERSION, EL_GIT_COMMIT, command_line(command), peak_megabytes};
  const StudyOutcome outcome = run_study(config, environment, progress);
  if (arguments.quiet) return;
  std::printf("%s\nPeak memory %.0f MB.\nWrote %s\n", outcome.summary.c_str(), outcome.peak_mb,
              (outcome.folder / "report.html").c_str());
}

}  // namespace

void add_study(CLI::App& app) {
  auto arguments = std::make_shared<StudyArguments>();
  CLI::App* command = app.add_subcommand("study", "The main job: corpus and texts in, measurements and a report out");
  visit_fields(arguments->config, OptionAdder{*command});
  command->add_option("--config", arguments->config_file, "JSON file of these parameters; flags win over it");
  command->add_option("--progress", arguments->progress, "auto or never")
      ->check(CLI::IsMember({"auto", "never"}))
      ->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "print nothing but errors");
  command->callback([command, arguments] { run_study_command(*command, *arguments); });
}

}  // namespace energy_lens::cli
