#include <ATen/Parallel.h>

#include <cstdio>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/model_options.h"
#include "apps/cli/model_path.h"
#include "apps/cli/model_text.h"
#include "apps/cli/output_options.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/doctor.h"

namespace energy_lens::cli {
namespace {

struct DoctorArguments {
  ModelChoice choice;
  OutputOptions output;
  int threads = 0;
};

std::string machine_in_words(const Json& machine) {
  std::string devices;
  for (const Json& device : machine.at("best_device")) devices += (devices.empty() ? "" : ", ") + text_of(device);
  return "machine\n" + line("threads", text_of(machine.at("threads"))) +
         line("memory", gigabytes(machine.at("memory_bytes"))) +
         line("instructions", text_of(machine.at("instructions"))) + line("kernels", text_of(machine.at("kernels"))) +
         line("bf16 products", text_of(machine.at("bfloat16_unit"))) + line("best device", devices);
}

std::string identities_in_words(const Json& checks) {
  std::string text = "identities\n";
  for (const Json& check : checks) {
    char words[200];
    std::snprintf(words, sizeof words, "  %-5s  %-46s  differs by %.1e, tolerance %.1e\n",
                  check.at("holds").get<bool>() ? "holds" : "FAILS", check.at("identity").get<std::string>().c_str(),
                  check.at("largest_difference").get<double>(), check.at("tolerance").get<double>());
    text += words;
  }
  return text;
}

void run_doctor_command(DoctorArguments& arguments) {
  if (arguments.threads > 0) at::set_num_threads(arguments.threads);
  arguments.choice.model = resolve_model(arguments.choice.model).string();
  const DoctorOutcome outcome = run_doctor(arguments.choice);
  const Json& report = outcome.report;
  arguments.output.write_json(report.dump() + "\n");
  if (arguments.output.json != "-") {
    print(machine_in_words(report.at("machine")) + model_in_words(report.at("model")) +
          identities_in_words(report.at("identities")));
  }
  if (!outcome.healthy) {
    fail(ErrorKind::Internal, "doctor", "an identity fails: do not trust numbers of this model, and please report it");
  }
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto arguments = std::make_shared<DoctorArguments>();
  CLI::App* command =
      app.add_subcommand("doctor", "What this machine can do, what a model is, and three identities it must satisfy");
  add_model_options(*command, arguments->choice);
  command->add_option("--threads", arguments->threads, "threads; 0 uses every core")->check(CLI::Range(0, 1024));
  arguments->output.add_json(*command, "file for the result as JSON, - for standard output");
  command->callback([arguments] { run_doctor_command(*arguments); });
}

}  // namespace energy_lens::cli
