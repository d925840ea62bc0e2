#include "energy_lens/hub/model_id.h"

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Letters, digits and . _ - inside. "--" joins organisation and name in the cache, so it may not occur.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 96 || !is_alphanumeric(name.front()) || name.back() == '-' || name.back() == '.') {
    return false;
  }
  const bool clean =
      std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
  return clean && name.find("--") == std::string_view::npos && name.find("..") == std::string_view::npos;
}

// "gpt2" and others of its time have no organisation, which the hub and caches still understand. With a dot in it a
// name alone is taken for a file's: "model.gguf" that does not exist is no model to ask a hub for.
bool is_legacy_repository(std::string_view text) { return is_name(text) && text.find('.') == std::string_view::npos; }

bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (is_legacy_repository(text)) return true;
  return slash != std::string_view::npos && is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1)) &&
         !text.ends_with(".git");
}

// What git allows in a reference and a path can hold: parts between slashes, none hidden, none empty.
bool is_revision(std::string_view text) {
  if (text.empty() || text.size() > 255 || text.find("..") != std::string_view::npos) return false;
  char before = '/';
  for (const char c : text) {
    const bool part_start = before == '/';
    if (c <= ' ' || c >= 0x7f || std::string_view("~^:?*[\\").find(c) != std::string_view::npos) return false;
    if (part_start && (c == '/' || c == '.' || c == '-')) return false;
    before = c;
  }
  return before != '/' && before != '.';
}

ModelId split(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return {std::string(text)};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace

bool is_model_id(std::string_view text) {
  const ModelId id = split(text);
  return is_repository(id.repository) && is_revision(id.revision);
}

ModelId parse_model_id(std::string_view text) {
  ModelId id = split(text);
  if (!is_repository(id.repository)) {
    fail(ErrorKind::Usage, "model id",
         "got '" + id.repository +
             "', expected ORG/NAME such as openai-community/gpt2, or a name such as gpt2 (letters, digits, '.', "
             "'_', '-')");
  }
  if (!is_revision(id.revision)) {
    fail(ErrorKind::Usage, "model id", "got revision '" + id.revision + "', expected a branch, tag or commit");
  }
  return id;
}

bool is_commit(std::string_view text) {
  return text.size() == 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace energy_lens
