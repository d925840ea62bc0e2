#include "energy_lens/model/config.h"

#include "energy_lens/core/error.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {

ModelConfig read_model_config(const std::filesystem::path& folder) {
  const Json json = read_json(folder / "config.json", 16u << 20);
  if (!json.is_object() || !json.contains("model_type") || !json.at("model_type").is_string()) {
    fail(ErrorKind::BadInput, "load_model", (folder / "config.json").string() + " has no \"model_type\" string");
  }
  try {
    return family_named(json.at("model_type").get<std::string>()).read_config(json);
  } catch (const Json::exception& error) {
    fail(ErrorKind::BadInput, "load_model", (folder / "config.json").string() + ": " + error.what());
  }
}

}  // namespace energy_lens
