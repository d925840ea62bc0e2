// The few questions about URLs that redirects raise. All answers come from libcurl's own parser, so that what is
// checked is what is asked for.
#pragma once
#include <string>
#include <string_view>

namespace energy_lens {

// "https://host:443": scheme, lower-case host and port, also where the port is implied; "" if `url` is no http(s) URL.
std::string origin_of(const std::string& url);

// Whether a request that began at `endpoint_origin` may go on to `url`: http(s), and never from https to http.
bool may_go_on_to(const std::string& endpoint_origin, const std::string& url);

// True when a Location header names no host, hence stays on the host that sent it.
bool is_relative_location(std::string_view location);

// Where `location`, sent in answer to `base`, points; "" if it is malformed.
std::string resolve_location(const std::string& base, const std::string& location);

// Percent-encodes everything but letters, digits and -._~, also slashes.
std::string encode_url_part(std::string_view part);

}  // namespace energy_lens
