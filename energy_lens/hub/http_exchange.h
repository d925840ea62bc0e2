// One HTTP request and its answer: the part that faces libcurl.
#pragma once
#include <curl/curl.h>

#include <chrono>
#include <exception>

#include "energy_lens/hub/http.h"

namespace energy_lens {

class HttpExchange {
 public:
  // curl: an easy handle without options, left so. body: null asks with HEAD, else with GET from byte `offset` on.
  HttpExchange(CURL* curl, const HubSettings& settings, Progress& progress, HttpBody* body, std::uint64_t offset);

  // Once. A redirect is an answer like others. Errors: Interrupted, and what body throws.
  HttpReply ask(const std::string& url, bool with_token);

 private:
  void configure(const std::string& url);
  void conclude(CURLcode code, const char* reason);
  int status() const;
  bool has_content() const { return body_ != nullptr && (reply_.status == 200 || reply_.status == 206); }
  void start();
  bool take_header(std::string_view line);
  bool take_body(std::string_view bytes);
  bool still_moves(curl_off_t received);

  // libcurl's callbacks. An exception may not pass through C: it waits in thrown_.
  template <class Work>
  bool guarded(Work&& work) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static int on_tick(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t);

  CURL* curl_;
  const HubSettings& settings_;
  Progress& progress_;
  HttpBody* body_;
  std::uint64_t offset_;
  HttpReply reply_;
  std::size_t header_bytes_ = 0, ignored_bytes_ = 0;
  bool started_ = false, stalled_ = false;
  curl_off_t last_received_ = 0;
  std::chrono::steady_clock::time_point last_news_ = std::chrono::steady_clock::now();
  std::exception_ptr thrown_;
};

}  // namespace energy_lens
