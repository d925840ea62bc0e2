// Reports of a study, made of its results.json alone: every number in them is read from the JSON.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "energy_lens/io/file.h"

namespace energy_lens {

inline constexpr char kResultsSchema[] = "energy-lens/study/4";

// One field that results.json must have. path: names joined by ".", "[]" for every element of a list.
struct ResultField {
  std::string_view path;
  std::string_view type;  // "string", "number" (or null: undefined), "count", "flag", "flag or null", "list", "object"
  std::string_view meaning;  // one sentence, with unit
};

// The schema: result_fields.inc is its one place, docs/results.md is printed from it.
std::span<const ResultField> result_fields();

// Errors: BadInput naming the path that is missing or of the wrong type.
void validate_results(const Json& results);

// Both take validated results. Text from the JSON is escaped.
std::string render_markdown(const Json& results);
std::string render_html(const Json& results);  // one file, no network, light and dark

}  // namespace energy_lens
