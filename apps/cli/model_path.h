// Where a --model argument points.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "apps/cli/progress_bar.h"

namespace energy_lens::cli {

// "" is the embedded demo model: $ENERGY_LENS_MODELS/demo, share/energy-lens/models/demo beside the binary, or the
// source tree. A path that exists is itself. [ORG/]NAME[@REVISION] is a model on a hub: its snapshot in the cache,
// downloaded where it is not there yet. Errors: NotFound naming the places looked at; those of fetch_model.
std::filesystem::path resolve_model(const std::string& argument, bool draw_progress = wants_progress("auto", false));

// The same where nothing need be downloaded for it: the demo model, or a path that exists.
std::optional<std::filesystem::path> local_model(const std::string& argument);

}  // namespace energy_lens::cli
