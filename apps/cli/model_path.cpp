#include "apps/cli/model_path.h"

#include <cstdlib>
#include <vector>

#include "apps/cli/hub_environment.h"
#include "energy_lens/core/error.h"
#include "energy_lens/hub/fetch_model.h"

namespace energy_lens::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> embedded_places() {
  std::vector<fs::path> places;
  if (const char* folder = std::getenv("ENERGY_LENS_MODELS")) places.emplace_back(folder);
  std::error_code ignored;
  const fs::path binary = fs::read_symlink("/proc/self/exe", ignored);
  if (!binary.empty()) places.push_back(binary.parent_path().parent_path() / "share/energy-lens/models");
  places.emplace_back(EL_SOURCE_MODELS);
  return places;
}

fs::path embedded_model() {
  std::error_code ignored;
  std::string looked;
  for (const fs::path& place : embedded_places()) {
    if (fs::is_regular_file(place / "demo/config.json", ignored)) return place / "demo";
    looked += " " + place.string();
  }
  fail(ErrorKind::NotFound, "model", "the embedded demo model is in none of:" + looked);
}

fs::path hub_model(const std::string& argument, bool draw_progress) {
  ProgressBar progress(draw_progress);
  try {
    return fetch_model(hub_settings_from_environment(), parse_model_id(argument), HubUse::IfNeeded, progress);
  } catch (const Error& error) {  // a mistyped folder looks like a hub id
    if (error.kind() != ErrorKind::NotFound) throw;
    throw Error(error.kind(), std::string(error.what()) + " (there is no folder '" + argument + "' here either)");
  }
}

}  // namespace

std::optional<fs::path> local_model(const std::string& argument) {
  if (argument.empty()) return embedded_model();
  std::error_code ignored;
  // A link that leads nowhere is there, too, and is then reported.
  if (fs::exists(fs::symlink_status(argument, ignored))) return argument;
  return std::nullopt;
}

fs::path resolve_model(const std::string& argument, bool draw_progress) {
  if (const auto local = local_model(argument)) return *local;
  if (is_model_id(argument)) return hub_model(argument, draw_progress);
  fail(ErrorKind::NotFound, "model",
       "--model got '" + argument +
           "', which does not exist, expected a model's folder (config.json, weights and a tokenizer), a file of "
           "weights, or a hub id [ORG/]NAME[@REVISION] such as openai-community/gpt2");
}

}  // namespace energy_lens::cli
