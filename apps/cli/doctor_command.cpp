#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "apps/cli/command.h"
#include "apps/cli/model_options.h"
#include "apps/cli/model_path.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/doctor.h"

namespace energy_lens::cli {
namespace {

struct DoctorArguments {
  ModelChoice choice;
  std::string json;
  int threads = 0;
};

std::string megabytes(const Json& bytes) { return std::to_string(bytes.get<std::int64_t>() / 1000000) + " MB"; }

void print_section(const char* title, const Json& section) {
  std::printf("%s\n", title);
  for (const auto& item : section.items()) {
    const bool is_size = item.key().ends_with("_bytes");
    const std::string value = is_size                   ? megabytes(item.value())
                              : item.value().is_string() ? item.value().get<std::string>()
                                                         : item.value().dump();
    std::string name = is_size ? item.key().substr(0, item.key().size() - 6) : item.key();
    std::replace(name.begin(), name.end(), '_', ' ');
    std::printf("  %-16s %s\n", name.c_str(), value.c_str());
  }
}

void print_report(const Json& report) {
  print_section("machine", report.at("machine"));
  print_section("model", report.at("model"));
  std::printf("identities\n");
  for (const Json& check : report.at("identities")) {
    std::printf("  %-5s %-46s largest difference %.1e, tolerance %.1e\n", check.at("holds").get<bool>() ? "holds" : "FAILS",
                check.at("identity").get<std::string>().c_str(), check.at("largest_difference").get<double>(),
                check.at("tolerance").get<double>());
  }
}

void run_doctor_command(DoctorArguments& arguments) {
  if (arguments.threads > 0) at::set_num_threads(arguments.threads);
  arguments.choice.model = resolve_model(arguments.choice.model).string();
  const DoctorOutcome outcome = run_doctor(arguments.choice);
  if (arguments.json == "-") {
    std::printf("%s\n", outcome.report.dump().c_str());
  } else {
    print_report(outcome.report);
    if (!arguments.json.empty()) write_file(arguments.json, outcome.report.dump() + "\n");
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
  command->add_option("--json", arguments->json, "file for the result as JSON, - for standard output");
  command->callback([arguments] { run_doctor_command(*arguments); });
}

}  // namespace energy_lens::cli
