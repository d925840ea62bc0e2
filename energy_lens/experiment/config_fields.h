// What every configuration can do that lists its parameters once, in a static visit_fields(config, visit): check its
// ranges, become JSON, be read from JSON. visit(name, member, help) is called for every parameter of a configuration,
// const or not; numbers are visited with their inclusive range as two more arguments.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens {
namespace config_fields {

struct RangeCheck {
  const char* operation;
  template <class Value>
  void operator()(const char*, const Value&, const char*) const {}
  void operator()(const char* name, const std::vector<std::int64_t>& values, const char*) const {
    std::set<std::int64_t> seen;
    for (const std::int64_t value : values) {
      if (seen.insert(value).second) continue;
      fail(ErrorKind::Usage, operation,
           std::string("--") + name + " got " + std::to_string(value) + " twice, expected every number once");
    }
  }
  void operator()(const char* name, std::int64_t value, const char*, std::int64_t low, std::int64_t high) const {
    if (value >= low && value <= high) return;
    fail(ErrorKind::Usage, operation,
         std::string("--") + name + " got " + std::to_string(value) + ", expected " + std::to_string(low) + " to " +
             std::to_string(high));
  }
};

struct Writer {
  Json& json;
  template <class Value, class... Range>
  void operator()(const char* name, const Value& value, const char*, Range...) const {
    json[name] = value;
  }
  void operator()(const char* name, const std::vector<std::int64_t>& layers, const char*) const {
    json[name] = layers.empty() ? Json("all") : Json(layers);
  }
};

struct Reader {
  const Json& json;
  std::set<std::string>& known;
  template <class Value, class... Range>
  void operator()(const char* name, Value& value, const char*, Range...) const {
    known.insert(name);
    if (!json.contains(name)) return;
    read(name, json.at(name), value);
  }

 private:
  template <class Value>
  static void read(const char* name, const Json& from, Value& value) {
    try {
      value = from.get<Value>();
    } catch (const Json::exception&) {
      fail(ErrorKind::Usage, "config",
           std::string("parameter ") + name + " got " + from.dump() + ", which has the wrong type");
    }
  }
  static void read(const char* name, const Json& from, std::vector<std::int64_t>& layers) {
    if (from == "all") {
      layers.clear();
      return;
    }
    if (from.is_array() && from.empty()) {
      fail(ErrorKind::Usage, "config", std::string("parameter ") + name + " is empty, expected a list or \"all\"");
    }
    read<std::vector<std::int64_t>>(name, from, layers);
  }
};

}  // namespace config_fields

// Errors: Usage listing the choices.
inline void check_choice(const char* operation, const char* name, const std::string& value,
                         const std::set<std::string>& choices) {
  if (choices.contains(value)) return;
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : " or ") + choice;
  fail(ErrorKind::Usage, operation, std::string("--") + name + " got '" + value + "', expected " + list);
}

// Errors: Usage naming the parameter, its value and its range.
template <class Config>
void check_ranges(const char* operation, const Config& config) {
  Config::visit_fields(config, config_fields::RangeCheck{operation});
}

// Every parameter under its own name. A list of layers without any is "all".
template <class Config>
Json config_to_json(const Config& config) {
  Json json = Json::object();
  Config::visit_fields(config, config_fields::Writer{json});
  return json;
}

// Errors: Usage for unknown names and wrong types.
template <class Config>
void apply_config_json(Config& config, const Json& json) {
  if (!json.is_object()) fail(ErrorKind::Usage, "config", "expected a JSON object of parameters");
  std::set<std::string> known;
  Config::visit_fields(config, config_fields::Reader{json, known});
  for (const auto& item : json.items()) {
    if (!known.contains(item.key())) fail(ErrorKind::Usage, "config", "unknown parameter '" + item.key() + "'");
  }
}

}  // namespace energy_lens
