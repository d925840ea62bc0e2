#include "energy_lens/hub/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace energy_lens {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Null when any of the steps is refused: `location` on top of `base` is resolved as a browser would.
Handle parse(const std::string& base, const std::string& location = "") {
  Handle handle(curl_url(), curl_url_cleanup);
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK)
    return {nullptr, curl_url_cleanup};
  if (!location.empty() && curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK) {
    return {nullptr, curl_url_cleanup};
  }
  return handle;
}

std::string part(CURLU* handle, CURLUPart which, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

}  // namespace

std::string origin_of(const std::string& url) {
  const Handle handle = parse(url);
  if (!handle) return "";
  const std::string scheme = part(handle.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "";
  std::string host = part(handle.get(), CURLUPART_HOST);
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return scheme + "://" + host + ":" + part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool may_go_on_to(const std::string& endpoint_origin, const std::string& url) {
  const std::string origin = origin_of(url);
  return !origin.empty() && (!endpoint_origin.starts_with("https://") || origin.starts_with("https://"));
}

bool is_relative_location(std::string_view location) {
  if (location.starts_with("//") || location.starts_with("\\")) return false;
  const std::size_t end = location.find_first_of("/?#");
  return location.substr(0, end).find(':') == std::string_view::npos;
}

std::string resolve_location(const std::string& base, const std::string& location) {
  const Handle handle = parse(base, location);
  return handle ? part(handle.get(), CURLUPART_URL) : "";
}

std::string encode_url_part(std::string_view part) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : part) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[static_cast<unsigned char>(c) & 15]};
    }
  }
  return encoded;
}

}  // namespace energy_lens
