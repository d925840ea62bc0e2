#include "energy_lens/tokenizer/json_fields.h"

#include "energy_lens/core/error.h"

namespace energy_lens {

JsonFields::JsonFields(const SortedJson& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object.is_object()) refuse("got " + std::string(object.type_name()) + ", expected an object");
}

void JsonFields::refuse(const std::string& why) const {
  fail(ErrorKind::BadInput, "load_tokenizer", what_ + ": " + why);
}

bool JsonFields::has(const char* name) const { return object_.contains(name) && !object_.at(name).is_null(); }

const SortedJson& JsonFields::at(const char* name) const {
  if (!object_.contains(name)) refuse(std::string("\"") + name + "\" is missing");
  return object_.at(name);
}

std::string JsonFields::text(const char* name) const {
  const SortedJson& value = at(name);
  if (!value.is_string()) refuse(std::string("\"") + name + "\" is " + value.type_name() + ", expected a string");
  return value.get<std::string>();
}

std::string JsonFields::text_or(const char* name, const std::string& fallback) const {
  return has(name) ? text(name) : fallback;
}

bool JsonFields::flag(const char* name, bool fallback) const {
  if (!has(name)) return fallback;
  const SortedJson& value = at(name);
  if (!value.is_boolean()) refuse(std::string("\"") + name + "\" is " + value.type_name() + ", expected true or false");
  return value.get<bool>();
}

const SortedJson& JsonFields::list(const char* name) const {
  const SortedJson& value = at(name);
  if (!value.is_array()) refuse(std::string("\"") + name + "\" is " + value.type_name() + ", expected a list");
  return value;
}

}  // namespace energy_lens
