#include <cstdio>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/hub_environment.h"
#include "apps/cli/model_path.h"
#include "apps/cli/progress_bar.h"
#include "energy_lens/core/error.h"
#include "energy_lens/hub/fetch_model.h"
#include "energy_lens/model/model.h"

namespace energy_lens::cli {
namespace {

void print_info(const std::string& argument) {
  const std::filesystem::path folder = resolve_model(argument);
  const ModelConfig config = read_model_config(folder);
  const auto model = load_model(folder);
  std::printf(
      "folder      %s\nfamily      %s\nlayers      %lld\nwidth       %lld\nheads       %lld\ncontext     %lld\n",
      folder.c_str(), config.family.c_str(), static_cast<long long>(config.n_layers),
      static_cast<long long>(config.d_model), static_cast<long long>(config.n_heads),
      static_cast<long long>(config.n_ctx));
  std::printf("vocabulary  %lld\nsha256      %s\n", static_cast<long long>(config.d_vocab), model->digest().c_str());
}

struct FetchArguments {
  std::string model, revision, progress = "auto";
  bool quiet = false;
};

void fetch(const FetchArguments& arguments) {
  if (!arguments.revision.empty() && arguments.model.find('@') != std::string::npos) {
    fail(ErrorKind::Usage, "model id",
         "got a revision in '" + arguments.model + "' and in --revision, expected one of them");
  }
  const ModelId id = parse_model_id(arguments.model + (arguments.revision.empty() ? "" : "@" + arguments.revision));
  ProgressBar progress(wants_progress(arguments.progress, arguments.quiet));
  const auto folder = fetch_model(hub_settings_from_environment(), id, HubUse::Refresh, progress);
  std::printf("%s\n", folder.c_str());
}

void add_fetch(CLI::App& model) {
  auto arguments = std::make_shared<FetchArguments>();
  CLI::App* command = model.add_subcommand("fetch", "Download a model, or what is new of it, and print its folder");
  command->add_option("model", arguments->model, "ORG/NAME[@REVISION] on the hub")->required();
  command->add_option("--revision", arguments->revision, "branch, tag or commit (default: main)");
  command->add_option("--progress", arguments->progress, "auto or never")
      ->check(CLI::IsMember({"auto", "never"}))
      ->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "draw no progress");
  command->callback([arguments] { fetch(*arguments); });
}

}  // namespace

void add_model(CLI::App& app) {
  auto argument = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("model", "What a model is, and its download");
  command->require_subcommand(1);
  CLI::App* info = command->add_subcommand("info", "Family, sizes and digest; loads and checks every weight");
  info->add_option("--model", *argument, "model folder or hub id (default: the embedded demo model)");
  info->callback([argument] { print_info(*argument); });
  add_fetch(*command);
}

}  // namespace energy_lens::cli
