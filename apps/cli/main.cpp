// energy-lens: reads argv, runs one subcommand, maps errors to exit codes. See docs/architecture.md for the codes.
#include <c10/util/Exception.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "apps/cli/command.h"
#include "apps/cli/output_options.h"
#include "apps/cli/profile.h"
#include "apps/cli/usage.h"
#include "apps/cli/waiting.h"
#include "energy_lens/core/error.h"

namespace {

using energy_lens::ErrorKind;

int report_error(ErrorKind kind, const char* message) {
  std::fprintf(stderr, "energy-lens: %s\n", message);
  return static_cast<int>(kind);
}

constexpr const char* kNoMemory =
    "[memory] the machine gave no more of it, expected enough for the weights and what runs on them; `energy-lens "
    "model info` says how much that is, and --dtype bfloat16, a smaller model or shorter texts need less";

int report_unexpected(const std::string& message) {
  // One line, as every error: the rest says where in a library it was thrown.
  const std::string line = message.substr(0, message.find('\n'));
  return report_error(ErrorKind::Internal, ("[internal] unexpected error, please report it: " + line).c_str());
}

// Allocators of tensors have no type of error of their own; those of accelerators have.
int report_torch_error(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  const bool memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                      message.find("allocate memory") != std::string::npos ||
                      message.find("out of memory") != std::string::npos;
  return memory ? report_error(ErrorKind::Resource, kNoMemory) : report_unexpected(message);
}

void parse_and_profile(CLI::App& app, int argc, char** argv) {
  std::string file;
  energy_lens::cli::Profile profile;
  app.add_option("--profile", file, "file for a Chrome trace of where the time went")
      ->each([](const std::string& path) { energy_lens::cli::require_its_folder("--profile", path); });
  app.parse_complete_callback([&] { profile.start(file); });
  try {
    app.parse(argc, argv);
  } catch (...) {
    profile.finish_quietly();
    throw;
  }
  profile.finish();
}

int run(CLI::App& app, int argc, char** argv) {
  try {
    parse_and_profile(app, argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return report_error(ErrorKind::Usage, energy_lens::cli::usage_message(app, error).c_str());
  } catch (const energy_lens::Error& error) {
    return report_error(error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return report_error(ErrorKind::Resource, kNoMemory);
  } catch (const c10::Error& error) {
    return report_torch_error(error);
  } catch (const std::exception& error) {
    return report_unexpected(error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  energy_lens::cli::wait_without_spinning(argv);
  CLI::App app{"Energy per layer and token, sparse features, real interventions, and a report with error bars.",
               "energy-lens"};
  app.footer(energy_lens::cli::kFooter);  // before the subcommands, which take it over
  app.set_version_flag("--version", EL_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  energy_lens::cli::add_study(app);
  energy_lens::cli::add_lens(app);
  energy_lens::cli::add_report(app);
  energy_lens::cli::add_model(app);
  energy_lens::cli::add_doctor(app);
  return run(app, argc, argv);
}
