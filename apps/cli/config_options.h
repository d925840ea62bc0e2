// Turns a configuration's field list (visit_fields) into CLI11 options with their help, default and range.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/cli/layer_list.h"
#include "energy_lens/core/error.h"
#include "energy_lens/experiment/config_fields.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {

struct OptionAdder {
  CLI::App& command;

  void operator()(const char* name, std::string& value, const char* help) const {
    command.add_option(std::string("--") + name, value, help)->capture_default_str();
  }
  void operator()(const char* name, std::vector<std::int64_t>& values, const char* help) const {
    CLI::App& app = command;
    const std::string usual = values.empty() ? "all" : CLI::detail::join(values, ",");
    command
        .add_option_function<std::vector<std::string>>(
            std::string("--") + name,
            [&app, &values](const std::vector<std::string>& given) { values = parse_layers(app, given); }, help)
        ->allow_extra_args(false)
        ->option_text("LIST=" + usual);
  }
  void operator()(const char* name, std::vector<std::string>& values, const char* help) const {
    command.add_option(std::string("--") + name, values, help)->allow_extra_args(false)->option_text("TEXT");
  }
  void operator()(const char* name, bool& value, const char* help) const {
    command.add_flag(std::string("--") + name, value, help);
  }
  void operator()(const char* name, std::int64_t& value, const char* help, std::int64_t low, std::int64_t high) const {
    command.add_option(std::string("--") + name, value, help)->check(CLI::Range(low, high))->capture_default_str();
  }
};

// Flags given on the command line win over the file: the file is applied first and then what was parsed.
template <class Config>
void apply_config_file(const CLI::App& command, const std::string& file, Config& config) {
  if (file.empty()) return;
  Json merged = read_json(file);
  if (!merged.is_object()) fail(ErrorKind::Usage, "config", file + " is not a JSON object of parameters");
  const Json flags = config_to_json(config);
  for (const auto& item : flags.items()) {
    if (command.get_option("--" + item.key())->count() > 0) merged[item.key()] = item.value();
  }
  apply_config_json(config, merged);
}

}  // namespace energy_lens::cli
