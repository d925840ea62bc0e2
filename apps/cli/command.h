// What a subcommand is to main(): a function that adds itself to the parser. The list of all is in main.cpp.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>

namespace energy_lens::cli {

// Each adds its subcommand and options to `app` and sets a callback that does the work.
void add_study(CLI::App& app);
void add_lens(CLI::App& app);
void add_report(CLI::App& app);
void add_model(CLI::App& app);
void add_doctor(CLI::App& app);

}  // namespace energy_lens::cli
