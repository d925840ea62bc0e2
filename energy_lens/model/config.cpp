#include "energy_lens/model/config.h"

#include "energy_lens/core/error.h"
#include "energy_lens/model/checkpoint.h"
#include "energy_lens/model/families/registry.h"
#include "energy_lens/model/families/rope_parameters.h"

namespace energy_lens {

ModelConfig read_model_config(const std::filesystem::path& folder) { return read_model_config(Checkpoint(folder)); }

ModelConfig read_model_config(const Checkpoint& checkpoint) {
  const Json json = checkpoint.config();
  const std::string where = checkpoint.config_path().string();
  if (!json.is_object() || !json.contains("model_type") || !json.at("model_type").is_string()) {
    fail(ErrorKind::BadInput, "load_model", where + " has no \"model_type\" string");
  }
  try {
    return family_named(json.at("model_type").get<std::string>()).read_config(with_older_rope_keys(json));
  } catch (const Json::exception& error) {
    fail(ErrorKind::BadInput, "load_model", where + ": " + error.what());
  } catch (const Error& error) {
    // Families speak of config.json, in whose keys every format describes its model.
    throw Error(error.kind(), std::string(error.what()) + " (read from " + where + ")");
  }
}

}  // namespace energy_lens
