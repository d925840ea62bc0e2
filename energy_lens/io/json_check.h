// JSON as files from outside must be: UTF-8, no duplicate keys, bounded depth and number of values. Reading takes time
// in proportion to the text and less than 0.5 GB beside it.
#pragma once
#include <string>
#include <string_view>

#include "energy_lens/io/file.h"

namespace energy_lens {

// Parses `text`; `what` names it in errors. Errors: BadInput (syntax with its byte, duplicate key, deeper than
// 200 levels, more than 4 million keys and values).
Json parse_json(std::string_view text, const std::string& what);

// The same with members in the order of their keys: for objects of many members, which Json searches one by one.
using SortedJson = nlohmann::json;
SortedJson read_sorted_json(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace energy_lens
