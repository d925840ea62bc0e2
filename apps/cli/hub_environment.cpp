#include "apps/cli/hub_environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <initializer_list>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens::cli {
namespace {

namespace fs = std::filesystem;

// The first of the variables that is set and not empty, else "".
std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

bool is_on(const char* name) {
  std::string value = first_of({name});
  std::ranges::transform(value, value.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

fs::path home() {
  const std::string folder = first_of({"HOME"});
  if (folder.empty())
    fail(ErrorKind::Usage, "hub", "got neither HOME nor HF_HOME, expected a folder for the cache of models");
  return folder;
}

fs::path with_home(const std::string& path) {
  return path == "~" || path.starts_with("~/") ? home() / path.substr(std::min<std::size_t>(2, path.size()))
                                               : fs::path(path);
}

fs::path hub_home() {
  if (const std::string folder = first_of({"HF_HOME"}); !folder.empty()) return with_home(folder);
  const std::string caches = first_of({"XDG_CACHE_HOME"});
  return (caches.empty() ? home() / ".cache" : with_home(caches)) / "huggingface";
}

fs::path cache_folder() {
  const std::string folder = first_of({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  return folder.empty() ? hub_home() / "hub" : with_home(folder);
}

std::string stored_token() {
  const std::string place = first_of({"HF_TOKEN_PATH"});
  const fs::path path = place.empty() ? hub_home() / "token" : with_home(place);
  std::error_code error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) > 0 ? read_file(path, 65536) : "";
}

// A character that ends a header line would let the token write headers of its own.
std::string token() {
  std::string text = first_of({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"});
  if (text.empty()) text = stored_token();
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; })) {
    fail(ErrorKind::Usage, "hub",
         "the hub token has spaces or unprintable characters in it; see HF_TOKEN and HF_TOKEN_PATH");
  }
  return text;
}

std::string endpoint() {
  std::string url = first_of({"HF_ENDPOINT"});
  if (url.empty()) return HubSettings().endpoint;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::chrono::milliseconds seconds_of(const char* name, std::chrono::milliseconds otherwise) {
  const std::string text = first_of({name});
  if (text.empty()) return otherwise;
  double seconds = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds > 0.0 && seconds <= 86400.0)) {
    fail(ErrorKind::Usage, "hub", std::string(name) + " got '" + text + "', expected seconds, at most 86400");
  }
  return std::chrono::milliseconds(std::max(1L, static_cast<long>(seconds * 1000.0)));
}

}  // namespace

HubSettings hub_settings_from_environment() {
  HubSettings settings;
  settings.endpoint = endpoint();
  settings.cache = cache_folder();
  settings.token = token();
  settings.offline = is_on("HF_HUB_OFFLINE") || is_on("TRANSFORMERS_OFFLINE");
  settings.symlinks = !is_on("HF_HUB_DISABLE_SYMLINKS");
  settings.metadata_timeout = seconds_of("HF_HUB_ETAG_TIMEOUT", settings.metadata_timeout);
  settings.download_timeout = seconds_of("HF_HUB_DOWNLOAD_TIMEOUT", settings.download_timeout);
  return settings;
}

}  // namespace energy_lens::cli
