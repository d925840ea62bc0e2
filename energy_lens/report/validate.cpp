#include <string_view>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/report/report.h"

namespace energy_lens {
namespace {

constexpr ResultField kFields[] = {
#include "energy_lens/report/result_fields.inc"
};

bool has_type(const Json& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number() || value.is_null();
  if (type == "count") return value.is_number_integer();
  if (type == "flag") return value.is_boolean();
  if (type == "flag or null") return value.is_boolean() || value.is_null();
  if (type == "list") return value.is_array();
  return value.is_object();
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  fail(ErrorKind::BadInput, "validate_results", "'" + path + "' " + what);
}

std::string said_schema(const Json& results) {
  if (!results.is_object() || !results.contains("schema")) return "no \"schema\"";
  return "\"schema\": " + utf8_prefix(results["schema"].dump(), 40);
}

// rest: what of the path is still to walk, "[]" meaning every element of a list.
void check(const Json& value, std::string_view rest, std::string path, std::string_view type) {
  if (rest.empty()) {
    if (!has_type(value, type))
      refuse(path, "got " + utf8_prefix(value.dump(), 40) + ", expected a " + std::string(type));
    return;
  }
  if (rest.starts_with("[]")) {
    if (!value.is_array()) refuse(path, "is not a list");
    const std::string_view after = rest.substr(rest.starts_with("[].") ? 3 : 2);
    for (std::size_t i = 0; i < value.size(); ++i) check(value[i], after, path + "[" + std::to_string(i) + "]", type);
    return;
  }
  const std::size_t end = rest.find_first_of(".[");
  const std::string name(rest.substr(0, end));
  if (!value.is_object() || !value.contains(name)) refuse(path.empty() ? name : path + "." + name, "is missing");
  std::string_view after = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  if (after.starts_with('.')) after.remove_prefix(1);
  check(value.at(name), after, path.empty() ? name : path + "." + name, type);
}

}  // namespace

std::span<const ResultField> result_fields() { return kFields; }

void validate_results(const Json& results) {
  if (!results.is_object() || !results.contains("schema") || results["schema"] != kResultsSchema) {
    fail(ErrorKind::BadInput, "validate_results",
         "got " + said_schema(results) + ", expected \"schema\": \"" + kResultsSchema +
             "\"; results of another version need a new run of the study");
  }
  for (const ResultField& field : kFields) check(results, field.path, "", field.type);
}

}  // namespace energy_lens
