#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/hub_environment.h"
#include "apps/cli/model_path.h"
#include "apps/cli/model_text.h"
#include "apps/cli/output_options.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/model_description.h"
#include "energy_lens/hub/fetch_model.h"

namespace energy_lens::cli {
namespace {

struct InfoArguments {
  ModelChoice choice;
  OutputOptions output;
};

void print_info(InfoArguments& arguments) {
  arguments.choice.model = resolve_model(arguments.choice.model).string();
  const Json model = describe_model_files(arguments.choice);
  arguments.output.write_json(model.dump() + "\n");
  if (arguments.output.json != "-") print(model_in_words(model));
}

void add_info(CLI::App& model) {
  auto arguments = std::make_shared<InfoArguments>();
  CLI::App* command = model.add_subcommand("info", "Family, sizes, memory and digest; doctor also loads the weights");
  command->add_option("--model", arguments->choice.model,
                      "model folder or file, or hub id [ORG/]NAME[@REVISION] (default: the embedded demo model)");
  command->add_option("--dtype", arguments->choice.dtype, "of the weights in memory: float32 or bfloat16")
      ->capture_default_str();
  arguments->output.add_json(*command, "file for the same as JSON, - for standard output");
  command->callback([arguments] { print_info(*arguments); });
}

struct FetchArguments {
  std::string model, revision;
  OutputOptions output;
};

void fetch(const FetchArguments& arguments) {
  if (!arguments.revision.empty() && arguments.model.find('@') != std::string::npos) {
    fail(ErrorKind::Usage, "model id",
         "got a revision in '" + arguments.model + "' and in --revision, expected one of them");
  }
  const ModelId id = parse_model_id(arguments.model + (arguments.revision.empty() ? "" : "@" + arguments.revision));
  ProgressBar progress(arguments.output.wants_progress());
  print(fetch_model(hub_settings_from_environment(), id, HubUse::Refresh, progress).string() + "\n");
}

void add_fetch(CLI::App& model) {
  auto arguments = std::make_shared<FetchArguments>();
  CLI::App* command = model.add_subcommand("fetch", "Download a model, or what is new of it, and print its folder");
  command->add_option("model", arguments->model, "[ORG/]NAME[@REVISION] on the hub")->required();
  command->add_option("--revision", arguments->revision, "branch, tag or commit (default: main)");
  arguments->output.add_progress(*command, "draw no progress");
  command->callback([arguments] { fetch(*arguments); });
}

}  // namespace

void add_model(CLI::App& app) {
  CLI::App* command = app.add_subcommand("model", "What a model is, and its download");
  command->require_subcommand(1);
  add_info(*command);
  add_fetch(*command);
}

}  // namespace energy_lens::cli
