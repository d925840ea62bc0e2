#include "apps/cli/model_path.h"

#include <cstdlib>
#include <vector>

#include "energy_lens/core/error.h"

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

}  // namespace

fs::path resolve_model(const std::string& argument) {
  std::error_code ignored;
  if (!argument.empty()) {
    if (fs::is_directory(argument, ignored)) return argument;
    fail(ErrorKind::NotFound, "model", "no folder '" + argument + "'; expected one with config.json and weights");
  }
  std::string looked;
  for (const fs::path& place : embedded_places()) {
    if (fs::is_regular_file(place / "demo/config.json", ignored)) return place / "demo";
    looked += " " + place.string();
  }
  fail(ErrorKind::NotFound, "model", "the embedded demo model is in none of:" + looked);
}

}  // namespace energy_lens::cli
