#include <ATen/Parallel.h>

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

void print_line(const char* name, const std::string& value) { std::printf("  %-14s%s\n", name, value.c_str()); }

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// Three digits and the word: 124 million.
std::string rounded(double value, const char* format = "%.3g") {
  char digits[32];
  std::snprintf(digits, sizeof digits, format, value);
  return digits;
}

std::string count_in_words(double count) {
  if (count >= 1e9) return rounded(count / 1e9) + " billion";
  if (count >= 1e6) return rounded(count / 1e6) + " million";
  return rounded(count, "%.0f");
}

std::string gigabytes(const Json& bytes) { return rounded(bytes.get<double>() / 1e9, "%.2f") + " GB"; }

void print_machine(const Json& machine) {
  std::string devices;
  for (const Json& device : machine.at("best_device")) devices += (devices.empty() ? "" : ", ") + text(device);
  std::printf("machine\n");
  print_line("threads", text(machine.at("threads")));
  print_line("memory", gigabytes(machine.at("memory_bytes")));
  print_line("instructions", text(machine.at("instructions")));
  print_line("kernels", text(machine.at("kernels")));
  print_line("best device", devices);
}

std::string shape_in_words(const Json& m) {
  std::string shape = text(m.at("layers")) + " layers of width " + text(m.at("width")) + ", " + text(m.at("heads")) +
                      " heads of width " + text(m.at("head_width"));
  if (m.at("key_value_heads") != m.at("heads")) {
    shape += " sharing " + text(m.at("key_value_heads")) + " keys and values";
  }
  shape += ", MLP of width " + text(m.at("mlp_width"));
  if (m.contains("experts")) {
    const Json& e = m.at("experts");
    shape += "; " + text(e.at("count")) + " experts of width " + text(e.at("width")) + ", " + text(e.at("per_token")) +
             " a token, in " + text(e.at("layers")) + " layers";
  }
  return shape;
}

void print_model(const Json& m) {
  std::printf("model\n");
  print_line("source", text(m.at("source")));
  print_line("family", text(m.at("family")));
  print_line("parameters", count_in_words(m.at("parameters").get<double>()));
  print_line("shape", shape_in_words(m));
  print_line("text", text(m.at("context")) + " tokens at most, vocabulary of " + text(m.at("vocabulary")));
  print_line("numbers", text(m.at("dtype")) + " on " + text(m.at("device")));
  print_line("memory", gigabytes(m.at("weight_bytes")) + " for the weights, about " + gigabytes(m.at("working_bytes")) +
                           " more to run the lens on " + text(m.at("working_tokens")) + " tokens");
  print_line("digest", text(m.at("digest")));
}

void print_identities(const Json& checks) {
  std::printf("identities\n");
  for (const Json& check : checks) {
    std::printf("  %-5s  %-46s  differs by %.1e, tolerance %.1e\n", check.at("holds").get<bool>() ? "holds" : "FAILS",
                check.at("identity").get<std::string>().c_str(), check.at("largest_difference").get<double>(),
                check.at("tolerance").get<double>());
  }
}

void print_report(const Json& report) {
  print_machine(report.at("machine"));
  print_model(report.at("model"));
  print_identities(report.at("identities"));
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
