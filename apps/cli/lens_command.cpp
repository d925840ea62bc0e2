#include <ATen/Parallel.h>

#include <cstdio>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/model_options.h"
#include "apps/cli/model_path.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/lens_recipe.h"
#include "energy_lens/io/corpus.h"

namespace energy_lens::cli {
namespace {

struct LensArguments {
  LensRecipe recipe;
  std::vector<std::string> texts;
  std::string texts_file, json = "-";
  int threads = 0;
};

void run_lens_command(LensArguments& arguments) {
  if (!arguments.texts_file.empty()) {
    for (const Document& document : read_texts(arguments.texts_file)) arguments.texts.push_back(document.text);
  }
  if (arguments.texts.empty()) {
    fail(ErrorKind::Usage, "lens", "got no text, expected --text or --texts");
  }
  if (arguments.threads > 0) at::set_num_threads(arguments.threads);
  arguments.recipe.choice.model = resolve_model(arguments.recipe.choice.model).string();
  const std::string printed = run_lens(arguments.recipe, arguments.texts).dump() + "\n";
  if (arguments.json == "-") {
    std::fwrite(printed.data(), 1, printed.size(), stdout);
  } else {
    write_file(arguments.json, printed);
  }
}

}  // namespace

void add_lens(CLI::App& app) {
  auto arguments = std::make_shared<LensArguments>();
  CLI::App* command = app.add_subcommand("lens", "Energy, entropy, rank and top tokens per layer and token, as JSON");
  add_model_options(*command, arguments->recipe.choice);
  command->add_option("--text", arguments->texts, "a text; may be repeated");
  command->add_option("--texts", arguments->texts_file, "file of texts: one a line, or .jsonl with \"text\"");
  command->add_option("--layers", arguments->recipe.layers, "layers, e.g. 0,6,12 (default: all)")->delimiter(',');
  command->add_option("--top-k", arguments->recipe.top_k, "most likely tokens listed per position")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--bos", arguments->recipe.bos, "put the model's begin-of-text token first");
  command->add_option("--kernel", arguments->recipe.kernel, "best, generic (no vector instructions) or reference")
      ->check(CLI::IsMember(kLensKernels))
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "threads; 0 uses every core")->check(CLI::Range(0, 1024));
  command->add_option("--json", arguments->json, "file for the result, - for standard output")->capture_default_str();
  command->callback([arguments] { run_lens_command(*arguments); });
}

}  // namespace energy_lens::cli
