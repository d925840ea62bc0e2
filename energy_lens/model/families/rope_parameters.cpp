#include "energy_lens/model/families/rope_parameters.h"

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/model/families/config_reader.h"

namespace energy_lens {
namespace {

constexpr const char* kKey = "rope_parameters";
constexpr const char* kGlobal = "full_attention";
constexpr const char* kLocal = "sliding_attention";

// "type" is the oldest name of "rope_type".
Json with_rope_type(Json scaling) {
  if (!scaling.is_object() || !scaling.contains("type")) return scaling;
  if (!scaling.contains("rope_type")) scaling["rope_type"] = scaling.at("type");
  scaling.erase("type");
  return scaling;
}

// Json keeps the order of keys, which means nothing here.
bool same(const Json& a, const Json& b) { return nlohmann::json(a) == nlohmann::json(b); }

// Which of two values holds depends on the version that reads the file, so they must be one.
void set_agreeing(Json& json, const std::string& key, const Json& value) {
  const ConfigReader reader(json);
  if (reader.has(key.c_str()) && !same(with_rope_type(json.at(key)), value)) {
    reader.refuse(key.c_str(), utf8_prefix(value.dump(), 200) + ", as rope_parameters says");
  }
  json[key] = value;
}

void move_out(Json& json, Json& rope, const char* key) {
  if (ConfigReader(rope).has(key)) set_agreeing(json, key, rope.at(key));
  rope.erase(key);
}

// rope: the parameters of all layers, or of Gemma 3's global ones.
void spell_out(Json& json, const Json& parameters) {
  const ConfigReader reader(json);
  Json rope = with_rope_type(parameters);
  if (!ConfigReader(rope).has("rope_theta") && !reader.has("rope_theta")) {
    reader.refuse(kKey, "a \"rope_theta\" in it: versions differ in the base that they take without");
  }
  move_out(json, rope, "rope_theta");
  move_out(json, rope, "partial_rotary_factor");
  if (ConfigReader(rope).text_or("rope_type", "") == "longrope") {
    move_out(json, rope, "original_max_position_embeddings");
  }
  if (!ConfigReader(rope).has("rope_type")) rope["rope_type"] = "default";
  set_agreeing(json, "rope_scaling", rope);
}

// Local layers turn by a base of their own, unscaled.
void spell_out_by_kind(Json& json) {
  const ConfigReader reader(json);
  const Json kinds = json.at(kKey);
  for (const char* const kind : {kGlobal, kLocal}) {
    if (!kinds.contains(kind) || !kinds.at(kind).is_object()) {
      reader.refuse(kKey, std::string("an object for each of ") + kGlobal + " and " + kLocal);
    }
  }
  Json local = with_rope_type(kinds.at(kLocal));
  if (local.value("rope_type", Json("default")) == "default") local.erase("rope_type");
  if (local.size() != 1 || !local.contains("rope_theta")) {
    reader.refuse(kKey, std::string("only rope_type default and rope_theta in ") + kLocal);
  }
  set_agreeing(json, "rope_local_base_freq", local.at("rope_theta"));
  spell_out(json, kinds.at(kGlobal));
}

void spell_out_any(Json& json, bool by_kind) {
  const ConfigReader reader(json);
  if (!reader.has(kKey)) return;
  const Json parameters = json.at(kKey);
  if (!parameters.is_object()) reader.refuse(kKey, "an object");
  if (by_kind) return spell_out_by_kind(json);
  if (parameters.contains(kGlobal) || parameters.contains(kLocal)) {
    reader.refuse(kKey, "one object for all layers: this family has one kind of rotary positions");
  }
  spell_out(json, parameters);
}

}  // namespace

Json with_older_rope_keys(Json json) {
  const bool by_kind = json.at("model_type").get<std::string>().starts_with("gemma3");
  spell_out_any(json, by_kind);
  if (json.contains("text_config") && json.at("text_config").is_object()) spell_out_any(json["text_config"], by_kind);
  return json;
}

}  // namespace energy_lens
