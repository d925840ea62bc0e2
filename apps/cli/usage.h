// What a command line that cannot be parsed is answered with.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace energy_lens::cli {

// For the end of every command's --help.
extern const char* const kFooter;

// One line: what was got, what was expected, and whose --help says more. app: as parse() left it when it threw `error`.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

}  // namespace energy_lens::cli
