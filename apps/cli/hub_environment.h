// The hub's settings as the Hugging Face tools read them from the environment; docs/hub.md lists the variables.
#pragma once
#include "energy_lens/hub/settings.h"

namespace energy_lens::cli {

// Errors: Usage (a value that is not what its variable holds, or no home folder to put a cache in), naming the
// variable.
HubSettings hub_settings_from_environment();

}  // namespace energy_lens::cli
