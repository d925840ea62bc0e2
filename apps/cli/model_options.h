// The options that say which model a command works on.
#pragma once
#include <CLI/CLI.hpp>

#include "apps/cli/config_options.h"
#include "energy_lens/experiment/model_choice.h"

namespace energy_lens::cli {

inline void add_model_options(CLI::App& command, ModelChoice& choice) {
  visit_model_fields(choice, OptionAdder{command});
}

}  // namespace energy_lens::cli
