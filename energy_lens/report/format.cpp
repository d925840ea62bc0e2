#include "energy_lens/report/format.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace energy_lens::report {
namespace {

constexpr char kDash[] = "\u2013";

std::string replace_each(std::string_view text, std::string_view (*replacement)(char)) {
  std::string result;
  for (const char c : text) {
    const std::string_view other = replacement(c);
    if (other.empty()) {
      result += c;
    } else {
      result += other;
    }
  }
  return result;
}

}  // namespace

double real(const Json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::string show(double value, int digits) {
  if (!std::isfinite(value)) return kDash;
  if (value == std::floor(value) && std::abs(value) < 1e15) return show_count(static_cast<std::int64_t>(value));
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string show(const Json& value, int digits) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number()) return show(value.get<double>(), digits);
  return value.is_null() ? kDash : value.dump();
}

std::string show_interval(const Json& pair) {
  if (pair[0].is_null() || pair[1].is_null()) return kDash;
  return "[" + show(pair[0], 3) + ", " + show(pair[1], 3) + "]";
}

std::string show_count(std::int64_t count) {
  std::string digits = std::to_string(count < 0 ? -count : count);
  for (auto at = static_cast<std::int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(at, ",");
  return (count < 0 ? "-" : "") + digits;
}

std::string escape_html(std::string_view text) {
  return replace_each(text, [](char c) -> std::string_view {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&quot;";
      case '\'':
        return "&#39;";
      default:
        return {};
    }
  });
}

std::string escape_markdown(std::string_view text) {
  return replace_each(text, [](char c) -> std::string_view {
    switch (c) {
      case '|':
        return "\\|";
      case '<':
        return "&lt;";
      case '`':
        return "\\`";
      case '*':
        return "\\*";
      case '_':
        return "\\_";
      case '\n':
        return " ";
      default:
        return {};
    }
  });
}

std::string visible_token(std::string_view token) {
  return replace_each(token, [](char c) -> std::string_view {
    switch (c) {
      case ' ':
        return "\u00B7";
      case '\n':
        return "\u23CE";
      case '\t':
        return "\u21E5";
      case '\r':
        return "\u240D";
      default:
        return {};
    }
  });
}

}  // namespace energy_lens::report
