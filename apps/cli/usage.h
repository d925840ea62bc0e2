// What a command line that cannot be parsed is answered with.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace energy_lens::cli {

// The exit codes, for the end of --help.
extern const char* const kExitCodes;

// One line: what was got, what was expected, and whose --help says more. app: as parse() left it when it threw `error`.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

}  // namespace energy_lens::cli
