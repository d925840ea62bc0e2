#include "energy_lens/hub/http.h"

#include <curl/curl.h>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/http_exchange.h"
#include "energy_lens/hub/url.h"

namespace energy_lens {
namespace {

constexpr int kMaxRedirects = 10;

HttpReply refused(const std::string& url, const std::string& reason) {
  HttpReply reply;
  reply.transport = HttpReply::Transport::Refused;
  reply.url = url;
  reply.detail = reason;
  return reply;
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

bool HttpReply::is_redirect() const {
  const bool is_one = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  return transport == Transport::Done && is_one && headers.contains("location");
}

HttpClient::HttpClient(const HubSettings& settings, Progress& progress)
    : settings_(settings),
      progress_(progress),
      endpoint_origin_(origin_of(settings.endpoint)),
      curl_(nullptr, curl_easy_cleanup) {
  if (endpoint_origin_.empty()) {
    fail(ErrorKind::Usage, "hub",
         "got endpoint '" + settings.endpoint + "', expected a URL such as https://huggingface.co");
  }
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  curl_.reset(curl_easy_init());
  EL_ASSERT(initialised == CURLE_OK && curl_ != nullptr);
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::head(const std::string& url) { return follow(url, nullptr, 0); }

HttpReply HttpClient::get(const std::string& url, std::uint64_t offset, HttpBody& body) {
  return follow(url, &body, offset);
}

HttpReply HttpClient::follow(std::string url, HttpBody* body, std::uint64_t offset) {
  bool with_token = !settings_.token.empty();
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    if (!may_go_on_to(endpoint_origin_, url)) {
      const std::string scheme = endpoint_origin_.substr(0, endpoint_origin_.find(':'));
      return refused(url, "a redirect leads to '" + url + "', which is no " + scheme + " address");
    }
    with_token = with_token && origin_of(url) == endpoint_origin_;  // once dropped, it stays dropped
    HttpReply reply = HttpExchange(curl_.get(), settings_, progress_, body, offset).ask(url, with_token);
    const std::string location = reply.header("location");
    if (!reply.is_redirect() || (body == nullptr && !is_relative_location(location))) return reply;
    url = resolve_location(url, location);
  }
  return refused(url, "more than " + std::to_string(kMaxRedirects) + " redirects");
}

}  // namespace energy_lens
