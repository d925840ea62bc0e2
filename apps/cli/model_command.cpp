#include <cstdio>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/model_path.h"
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

}  // namespace

void add_model(CLI::App& app) {
  auto argument = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("model", "What a model is");
  command->require_subcommand(1);
  CLI::App* info = command->add_subcommand("info", "Family, sizes and digest; loads and checks every weight");
  info->add_option("--model", *argument, "model folder (default: the embedded demo model)");
  info->callback([argument] { print_info(*argument); });
}

}  // namespace energy_lens::cli
