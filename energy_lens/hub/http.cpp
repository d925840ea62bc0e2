#include "energy_lens/hub/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <exception>

#include "energy_lens/hub/interruption.h"
#include "energy_lens/hub/url.h"

namespace energy_lens {
namespace {

constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxHeaderBytes = 256 << 10;
constexpr std::size_t kMaxIgnoredBody = 64 << 10;  // of an error page; a longer one costs the connection

using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void append(Headers& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  EL_ASSERT(longer != nullptr);
  static_cast<void>(list.release());
  list.reset(longer);
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin));
}

HttpReply::Transport transport_of(CURLcode code, bool asked) {
  switch (code) {
    case CURLE_OK:
      return HttpReply::Transport::Done;
    case CURLE_OPERATION_TIMEDOUT:
      return asked ? HttpReply::Transport::Timeout : HttpReply::Transport::Unreachable;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return HttpReply::Transport::Unreachable;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return HttpReply::Transport::Dropped;
    default:
      return HttpReply::Transport::Refused;
  }
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

bool HttpReply::is_redirect() const {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// One request's state, reachable from libcurl's callbacks. An exception may not pass through C: it waits in `thrown`.
struct HttpClient::Exchange {
  CURL* curl;
  Progress& progress;
  HttpBody* body;  // null: HEAD
  std::uint64_t offset;
  std::chrono::milliseconds silence;  // that a GET may take
  HttpReply reply{};
  std::size_t header_bytes = 0, ignored_bytes = 0;
  bool started = false, stalled = false;
  curl_off_t last_count = 0;
  std::chrono::steady_clock::time_point last_news = std::chrono::steady_clock::now();
  std::exception_ptr thrown{};

  template <class Work>
  bool guarded(Work&& work) noexcept {
    try {
      return work();
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }

  void clear_reply(const std::string& url) {
    reply = HttpReply();
    reply.url = url;
    header_bytes = ignored_bytes = 0;
    started = stalled = false;
    last_count = 0;
    last_news = std::chrono::steady_clock::now();
  }

  int status() const {
    long code = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    return static_cast<int>(code);
  }

  bool has_content() const { return body != nullptr && (reply.status == 200 || reply.status == 206); }

  void start() {
    if (!started) body->start(reply.status == 206);
    started = true;
  }

  bool take_header(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kMaxHeaderBytes) return false;
    if (line.starts_with("HTTP/")) reply.headers.clear();  // an interim answer came before
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    reply.headers[name] = trimmed(line.substr(colon + 1));
    return true;
  }

  bool take_body(std::string_view bytes) {
    stop_if_asked(progress);
    reply.status = status();
    if (!has_content()) {
      ignored_bytes += bytes.size();
      return ignored_bytes <= kMaxIgnoredBody;
    }
    start();
    body->write(bytes);
    return true;
  }

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    return exchange.guarded([&] { return exchange.take_header({data, size * count}); }) ? size * count : 0;
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.guarded([&] { return exchange.take_body({data, size * count}); })) return size * count;
    return size * count == 0 ? 1 : 0;  // anything but the count stops the transfer
  }

  // libcurl's own limit on slowness averages over several seconds, which hides a short one.
  bool still_moves(curl_off_t count) {
    stop_if_asked(progress);
    const auto now = std::chrono::steady_clock::now();
    if (count != last_count) last_news = now;
    last_count = count;
    stalled = body != nullptr && now - last_news > silence;
    return !stalled;
  }

  // Called about once a second even when nothing comes.
  static int on_tick(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t) {
    auto& exchange = *static_cast<Exchange*>(self);
    return exchange.guarded([&] { return exchange.still_moves(received); }) ? 0 : 1;
  }
};

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

HttpReply HttpClient::head(const std::string& url) {
  Exchange exchange{curl_.get(), progress_, nullptr, 0, settings_.download_timeout};
  return follow(exchange, url);
}

HttpReply HttpClient::get(const std::string& url, std::uint64_t offset, HttpBody& body) {
  Exchange exchange{curl_.get(), progress_, &body, offset, settings_.download_timeout};
  return follow(exchange, url);
}

HttpReply HttpClient::follow(Exchange& exchange, std::string url) {
  const bool secure = endpoint_origin_.starts_with("https://");
  bool with_token = !settings_.token.empty();
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    const std::string origin = origin_of(url);
    exchange.clear_reply(url);
    if (origin.empty() || (secure && !origin.starts_with("https://"))) {
      exchange.reply.transport = HttpReply::Transport::Refused;
      exchange.reply.detail =
          "a redirect leads to '" + url + "', which is no " + (secure ? "https" : "http") + " address";
      return exchange.reply;
    }
    with_token = with_token && origin == endpoint_origin_;  // once dropped, it stays dropped
    perform(exchange, with_token);
    const std::string location = exchange.reply.header("location");
    if (exchange.reply.transport != HttpReply::Transport::Done || !exchange.reply.is_redirect() || location.empty())
      break;
    if (exchange.body == nullptr && !is_relative_location(location)) break;
    url = resolve_location(url, location);
    if (hop == kMaxRedirects) {
      exchange.reply.transport = HttpReply::Transport::Refused;
      exchange.reply.detail = "more than " + std::to_string(kMaxRedirects) + " redirects";
    }
  }
  return exchange.reply;
}

void HttpClient::perform(Exchange& exchange, bool with_token) {
  CURL* curl = curl_.get();
  configure(exchange);
  Headers headers(nullptr, curl_slist_free_all);
  append(headers, "Accept-Encoding: identity");  // sizes, ranges and digests are of the file itself
  if (with_token) append(headers, "Authorization: Bearer " + settings_.token);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(curl);
  HttpReply& reply = exchange.reply;
  reply.status = exchange.status();
  long asked = 0;
  curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &asked);
  curl_easy_reset(curl);  // forgets what is on this stack; keeps the connection
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  const bool gave_up_on_error_page = exchange.ignored_bytes > kMaxIgnoredBody;
  reply.transport = gave_up_on_error_page ? HttpReply::Transport::Done : transport_of(code, asked > 0);
  if (exchange.stalled) reply.transport = HttpReply::Transport::Timeout;
  if (reply.transport != HttpReply::Transport::Done) {
    reply.detail = exchange.stalled ? "nothing came" : reason[0] ? reason : curl_easy_strerror(code);
  }
  if (reply.transport == HttpReply::Transport::Done && exchange.has_content()) exchange.start();
}

void HttpClient::configure(Exchange& exchange) {
  CURL* curl = curl_.get();
  const bool is_head = exchange.body == nullptr;
  const auto timeout = is_head ? settings_.metadata_timeout : settings_.download_timeout;
  curl_easy_setopt(curl, CURLOPT_URL, exchange.reply.url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "energy-lens");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOBODY, is_head ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
  if (is_head) {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  } else {
    const std::string range = std::to_string(exchange.offset) + "-";
    if (exchange.offset > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Exchange::on_tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
}

}  // namespace energy_lens
