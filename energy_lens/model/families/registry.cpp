#include "energy_lens/model/families/registry.h"

#include "energy_lens/core/error.h"

namespace energy_lens {

const std::vector<Family>& families() {
  static const std::vector<Family> list = {gpt2_family()};
  return list;
}

const Family& family_named(const std::string& name) {
  std::string known;
  for (const Family& family : families()) {
    if (family.name == name) return family;
    known += (known.empty() ? "" : ", ") + family.name;
  }
  fail(ErrorKind::BadInput, "load_model", "config.json has model_type '" + name + "', expected one of " + known);
}

std::int64_t config_int(const Json& json, const char* key, std::int64_t low, std::int64_t high) {
  const bool whole = json.contains(key) && json.at(key).is_number_integer();
  const std::int64_t value = whole ? json.at(key).get<std::int64_t>() : 0;
  if (!whole || value < low || value > high) {
    fail(ErrorKind::BadInput, "load_model",
         std::string("config.json has \"") + key + "\" " + (json.contains(key) ? json.at(key).dump() : "missing") +
             ", expected a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

}  // namespace energy_lens
