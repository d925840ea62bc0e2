// energy-lens: reads argv, runs one subcommand, maps errors to exit codes. See docs/architecture.md for the codes.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "apps/cli/command.h"
#include "apps/cli/profile.h"
#include "apps/cli/waiting.h"
#include "energy_lens/core/error.h"

namespace {

using energy_lens::ErrorKind;

int report_error(ErrorKind kind, const char* message) {
  std::fprintf(stderr, "energy-lens: %s\n", message);
  return static_cast<int>(kind);
}

void parse_and_profile(CLI::App& app, int argc, char** argv) {
  std::string file;
  energy_lens::cli::Profile profile;
  app.add_option("--profile", file, "file for a Chrome trace of where the time went");
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
    app.exit(error);
    return static_cast<int>(ErrorKind::Usage);
  } catch (const energy_lens::Error& error) {
    return report_error(error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return report_error(ErrorKind::Resource, "not enough memory; try fewer --documents or a smaller --window");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "energy-lens: unexpected error, please report it: %s\n", error.what());
    return static_cast<int>(ErrorKind::Internal);
  }
}

}  // namespace

int main(int argc, char** argv) {
  energy_lens::cli::wait_without_spinning(argv);
  CLI::App app{"Energy per layer and token, sparse features, real interventions, and a report with error bars."};
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
