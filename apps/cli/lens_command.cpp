#include <ATen/Parallel.h>
#include <unistd.h>

#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/config_options.h"
#include "apps/cli/lens_table.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_options.h"
#include "apps/cli/progress_bar.h"
#include "energy_lens/experiment/lens_recipe.h"

namespace energy_lens::cli {
namespace {

struct LensArguments {
  LensConfig config;
  OutputOptions output;
  bool table = false;
};

// What a person sees is a table, what a program reads is JSON.
void choose_form(LensArguments& arguments) {
  if (arguments.table && arguments.output.json == "-") {
    fail(ErrorKind::Usage, "lens", "got --table and --json -, expected one of them on standard output");
  }
  if (arguments.table || !arguments.output.json.empty() || !arguments.config.out.empty()) return;
  arguments.table = !arguments.output.quiet && isatty(STDOUT_FILENO) != 0;
  if (!arguments.table) arguments.output.json = "-";
}

// The bar is gone before anything is printed, which may go to the same terminal.
Json watched_lens(const LensArguments& arguments) {
  ProgressBar progress(arguments.output.wants_progress());
  return run_lens(arguments.config, progress);
}

void run_lens_command(const CLI::App& command, LensArguments& arguments) {
  LensConfig& config = arguments.config;
  apply_config_file(command, arguments.output.config_file, config);
  choose_form(arguments);
  if (config.threads > 0) at::set_num_threads(static_cast<int>(config.threads));
  config.model = resolve_model(config.model, arguments.output.wants_progress()).string();
  const Json result = watched_lens(arguments);
  if (!arguments.output.json.empty()) arguments.output.write_json(result.dump() + "\n");
  if (arguments.table) print(lens_table(result, *load_chosen_tokenizer(config)));
}

}  // namespace

void add_lens(CLI::App& app) {
  auto arguments = std::make_shared<LensArguments>();
  CLI::App* command = app.add_subcommand("lens", "Energy, entropy, gradients, rank and top tokens per layer and token");
  LensConfig::visit_fields(arguments->config, OptionAdder{*command});
  arguments->output.add_to(*command,
                           "file for the result, - for standard output (default: - unless --out is given, or standard "
                           "output is a terminal, which gets the table)");
  command->add_flag("--table", arguments->table, "print a table, one row a token, as on a terminal");
  command->callback([command, arguments] { run_lens_command(*command, *arguments); });
}

}  // namespace energy_lens::cli
