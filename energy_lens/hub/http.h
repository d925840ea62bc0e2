// One HTTP connection to a hub, on libcurl. Redirects are followed here and not by libcurl, so that each hop is
// checked: the token goes to the endpoint's own scheme, host and port, and no hop leaves https for http.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "energy_lens/core/progress.h"
#include "energy_lens/hub/settings.h"

namespace energy_lens {

// Receives the body of a successful GET.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  // Before the first byte, and once for an empty body. resumed: the bytes follow the offset that was asked for;
  // otherwise they are the whole file.
  virtual void start(bool resumed) = 0;
  virtual void write(std::string_view bytes) = 0;
};

struct HttpReply {
  // What became of the exchange. Unreachable and Refused (TLS, malformed, forbidden redirect) do not pass by waiting.
  enum class Transport { Done, Timeout, Dropped, Unreachable, Refused };
  Transport transport = Transport::Done;
  std::string detail;  // what went wrong, where transport is not Done
  int status = 0;
  std::string url;                             // the last one asked
  std::map<std::string, std::string> headers;  // lower-case names

  std::string header(const std::string& name) const;  // "" when absent
  bool is_redirect() const;
};

class HttpClient {
 public:
  // Both are used as long as the client lives. Errors: Usage (endpoint is no http(s) URL).
  HttpClient(const HubSettings& settings, Progress& progress);
  ~HttpClient();

  // HEAD, following redirects only as long as they stay on the host: the answer to the last one carries the metadata.
  // Errors of both: Interrupted. What fails on the network is in the reply.
  HttpReply head(const std::string& url);
  // GET of the bytes from `offset` on, following every redirect. Errors: also what body throws.
  HttpReply get(const std::string& url, std::uint64_t offset, HttpBody& body);

 private:
  HttpReply follow(std::string url, HttpBody* body, std::uint64_t offset);
  const HubSettings& settings_;
  Progress& progress_;
  std::string endpoint_origin_;
  std::unique_ptr<void, void (*)(void*)> curl_;
};

}  // namespace energy_lens
