#include <ATen/Parallel.h>

#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/config_options.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_options.h"
#include "apps/cli/progress_bar.h"
#include "energy_lens/experiment/lens_recipe.h"

namespace energy_lens::cli {
namespace {

struct LensArguments {
  LensConfig config;
  OutputOptions output;
};

void run_lens_command(const CLI::App& command, LensArguments& arguments) {
  LensConfig& config = arguments.config;
  apply_config_file(command, arguments.output.config_file, config);
  if (config.threads > 0) at::set_num_threads(static_cast<int>(config.threads));
  config.model = resolve_model(config.model, arguments.output.wants_progress()).string();
  ProgressBar progress(arguments.output.wants_progress());
  const std::string printed = run_lens(config, progress).dump() + "\n";
  if (arguments.output.json.empty() && config.out.empty()) arguments.output.json = "-";
  arguments.output.write_json(printed);
}

}  // namespace

void add_lens(CLI::App& app) {
  auto arguments = std::make_shared<LensArguments>();
  CLI::App* command = app.add_subcommand("lens", "Energy, entropy, gradients, rank and top tokens per layer and token");
  LensConfig::visit_fields(arguments->config, OptionAdder{*command});
  arguments->output.add_to(*command, "file for the result, - for standard output (default: - unless --out is given)");
  command->callback([command, arguments] { run_lens_command(*command, *arguments); });
}

}  // namespace energy_lens::cli
