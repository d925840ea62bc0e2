#include "energy_lens/hub/http_exchange.h"

#include <algorithm>
#include <memory>

#include "energy_lens/hub/interruption.h"

namespace energy_lens {
namespace {

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

HttpExchange::HttpExchange(CURL* curl, const HubSettings& settings, Progress& progress, HttpBody* body,
                           std::uint64_t offset)
    : curl_(curl), settings_(settings), progress_(progress), body_(body), offset_(offset) {}

HttpReply HttpExchange::ask(const std::string& url, bool with_token) {
  reply_.url = url;
  configure(url);
  Headers headers(nullptr, curl_slist_free_all);
  append(headers, "Accept-Encoding: identity");  // sizes, ranges and digests are of the file itself
  if (with_token) append(headers, "Authorization: Bearer " + settings_.token);
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers.get());
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(curl_);
  conclude(code, reason[0] != '\0' ? reason : curl_easy_strerror(code));
  return std::move(reply_);
}

void HttpExchange::configure(const std::string& url) {
  const bool is_head = body_ == nullptr;
  const auto timeout = static_cast<long>((is_head ? settings_.metadata_timeout : settings_.download_timeout).count());
  curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl_, CURLOPT_USERAGENT, "energy-lens");
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT_MS, timeout);
  if (is_head) {
    curl_easy_setopt(curl_, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, timeout);
  } else if (offset_ > 0) {
    curl_easy_setopt(curl_, CURLOPT_RANGE, (std::to_string(offset_) + "-").c_str());
  }
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl_, CURLOPT_XFERINFOFUNCTION, &HttpExchange::on_tick);
  curl_easy_setopt(curl_, CURLOPT_XFERINFODATA, this);
}

void HttpExchange::conclude(CURLcode code, const char* reason) {
  reply_.status = status();
  long asked = 0;
  curl_easy_getinfo(curl_, CURLINFO_REQUEST_SIZE, &asked);
  curl_easy_reset(curl_);  // forgets this object; keeps the connection
  if (thrown_) std::rethrow_exception(thrown_);
  if (stalled_) {
    reply_.transport = HttpReply::Transport::Timeout;
  } else if (ignored_bytes_ <= kMaxIgnoredBody) {  // else this side hung up on an answer that is known
    reply_.transport = transport_of(code, asked > 0);
  }
  if (reply_.transport != HttpReply::Transport::Done) {
    reply_.detail = stalled_ ? "nothing came" : reason;
  } else if (has_content()) {
    start();
  }
}

int HttpExchange::status() const {
  long code = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &code);
  return static_cast<int>(code);
}

void HttpExchange::start() {
  if (!started_) body_->start(reply_.status == 206);
  started_ = true;
}

bool HttpExchange::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) return false;
  if (line.starts_with("HTTP/")) reply_.headers.clear();  // an interim answer came before
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  reply_.headers[name] = trimmed(line.substr(colon + 1));
  return true;
}

bool HttpExchange::take_body(std::string_view bytes) {
  stop_if_asked(progress_);
  reply_.status = status();
  if (!has_content()) {
    ignored_bytes_ += bytes.size();
    return ignored_bytes_ <= kMaxIgnoredBody;
  }
  start();
  body_->write(bytes);
  return true;
}

// libcurl's own limit on slowness averages over several seconds, which hides a short silence.
bool HttpExchange::still_moves(curl_off_t received) {
  stop_if_asked(progress_);
  const auto now = std::chrono::steady_clock::now();
  if (received != last_received_) last_news_ = now;
  last_received_ = received;
  stalled_ = body_ != nullptr && now - last_news_ > settings_.download_timeout;
  return !stalled_;
}

template <class Work>
bool HttpExchange::guarded(Work&& work) noexcept {
  try {
    return work();
  } catch (...) {
    thrown_ = std::current_exception();
    return false;
  }
}

std::size_t HttpExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  return exchange.guarded([&] { return exchange.take_header({data, size * count}); }) ? size * count : 0;
}

std::size_t HttpExchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  if (exchange.guarded([&] { return exchange.take_body({data, size * count}); })) return size * count;
  return size * count == 0 ? 1 : 0;  // anything but the count stops the transfer
}

// Called about once a second even when nothing comes.
int HttpExchange::on_tick(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  return exchange.guarded([&] { return exchange.still_moves(received); }) ? 0 : 1;
}

}  // namespace energy_lens
