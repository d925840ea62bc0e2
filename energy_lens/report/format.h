// Numbers and text as a reader sees them. null and NaN are a dash. Private to report/.
#pragma once
#include <string>
#include <string_view>

#include "energy_lens/io/file.h"

namespace energy_lens::report {

double real(const Json& value);  // NaN for null

std::string show(double value, int digits = 4);
std::string show(const Json& value, int digits = 4);  // number, string, boolean or null
std::string show_interval(const Json& pair);          // [low, high]
std::string show_count(std::int64_t count);           // 1,234,567

std::string escape_html(std::string_view text);
std::string escape_markdown(std::string_view text);
std::string visible_token(std::string_view token);  // white space as marks

}  // namespace energy_lens::report
