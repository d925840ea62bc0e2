#include "apps/cli/usage.h"

#include <vector>

namespace energy_lens::cli {
namespace {

// The command in which parsing stopped, and the words that call it.
struct Asked {
  const CLI::App* command;
  std::string words;
};

Asked asked_for(const CLI::App& app) {
  Asked asked{&app, app.get_name()};
  while (!asked.command->get_subcommands().empty()) {
    asked.command = asked.command->get_subcommands().front();
    asked.words += " " + asked.command->get_name();
  }
  return asked;
}

std::string subcommands_of(const CLI::App& command) {
  std::string names;
  for (const CLI::App* subcommand : command.get_subcommands(nullptr)) {
    names += (names.empty() ? "" : ", ") + subcommand->get_name();
  }
  return names;
}

std::string got(const std::vector<std::string>& extras) { return "got '" + extras.front() + "', "; }

std::string reason(const CLI::App& app, const CLI::App& command, const CLI::ParseError& error) {
  const std::vector<std::string> extras = app.remaining(true);
  const std::string subcommands = subcommands_of(command);
  if (!subcommands.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return (extras.empty() ? "got no subcommand, " : got(extras)) + "expected one of: " + subcommands;
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || extras.empty()) return error.what();
  if (extras.front().starts_with("-")) return got(extras) + "which is no option of this command";
  return got(extras) +
         "which belongs to no option; an option takes one value: put quotes around a text with spaces, and repeat the "
         "option for another (--text 'one text' --text 'another')";
}

}  // namespace

const char* const kFooter =
    "Every command takes --profile FILE, which writes a Chrome trace of where the time went.\n"
    "Exit codes: 0 done, 2 usage, 3 bad input, 4 not found or no network, 5 no memory or disk, 70 our bug, 130 "
    "stopped.";

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const Asked asked = asked_for(app);
  return "[" + (asked.command == &app ? "usage" : asked.command->get_name()) + "] " +
         reason(app, *asked.command, error) + "; see `" + asked.words + " --help`";
}

}  // namespace energy_lens::cli
