#include "energy_lens/hub/hub_client.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/interruption.h"
#include "energy_lens/hub/reply_errors.h"
#include "energy_lens/hub/url.h"

namespace energy_lens {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestBackoff{8000}, kLongestAskedWait{60000}, kWaitStep{20};
constexpr std::uint64_t kLargestPlainFile = 50'000'000'000;  // hubs serve longer ones by the Xet protocol only
constexpr std::uint64_t kProgressThatCounts = 1 << 20;       // so many bytes make up for a broken connection

std::optional<std::uint64_t> parse_count(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string bare_etag(std::string text) {
  if (text.starts_with("W/")) text.erase(0, 2);
  std::erase(text, '"');
  return text;
}

bool is_digest(const std::string& text) {
  return is_commit(text) || (text.size() == 64 && is_commit(text.substr(0, 40)) && is_commit(text.substr(24)));
}

}  // namespace

HubClient::HubClient(const HubSettings& settings, const ModelId& id, Progress& progress)
    : settings_(settings), id_(id), progress_(progress), http_(settings, progress) {}

std::string HubClient::url_of(const std::string& revision, const std::string& file) const {
  return settings_.endpoint + "/" + id_.repository + "/resolve/" + encode_url_part(revision) + "/" +
         encode_url_part(file);
}

std::optional<RemoteFile> HubClient::look_up(const std::string& revision, const std::string& file) {
  HttpReply reply;
  for (int failures = 0;; wait(failures, reply)) {
    reply = http_.head(url_of(revision, file));
    if (!may_pass(reply) || ++failures >= settings_.attempts) break;
  }
  if (says_file_is_absent(reply)) return std::nullopt;
  const bool answered = reply.transport == HttpReply::Transport::Done && (reply.status == 200 || reply.is_redirect());
  if (!answered) fail_with_reply(reply, settings_, id_, file);
  RemoteFile remote = read_metadata(reply, file);
  if (is_commit(revision) && remote.commit != revision) {
    fail(ErrorKind::NotFound, "fetch",
         id_.repository + ", file " + file + ": got commit " + remote.commit + ", expected " + revision + " as asked");
  }
  return remote;
}

// The etag and length of a redirect are its own; those of the file are then in the linked headers only.
RemoteFile HubClient::read_metadata(const HttpReply& reply, const std::string& file) const {
  const auto either = [&](const char* linked, const char* own) {
    return reply.headers.contains(linked) || reply.is_redirect() ? reply.header(linked) : reply.header(own);
  };
  RemoteFile remote{reply.header("x-repo-commit"), bare_etag(either("x-linked-etag", "etag"))};
  const auto size = parse_count(either("x-linked-size", "content-length"));
  if (!is_commit(remote.commit) || !is_digest(remote.etag) || !size) {
    fail(
        ErrorKind::NotFound, "fetch",
        id_.repository + ", file " + file + ": the answer of " + reply.url +
            " names no commit, digest and size, expected those of a Hugging Face hub; check HF_ENDPOINT and any proxy");
  }
  if (*size > kLargestPlainFile) {
    fail(ErrorKind::NotFound, "fetch",
         id_.repository + ", file " + file + " has " + std::to_string(*size) +
             " bytes, expected at most 50 GB: hubs serve longer files by the Xet protocol only; fetch it with the "
             "huggingface_hub package into the same cache");
  }
  remote.size = *size;
  return remote;
}

void HubClient::download(const RemoteFile& remote, const std::string& file, PartialFile& part) {
  int failures = 0;
  std::uint64_t counted_from = part.size();
  while (!part.is_complete()) {
    HttpReply reply = http_.get(url_of(remote.commit, file), part.size(), part);
    const bool answered = reply.transport == HttpReply::Transport::Done;
    if (answered && (reply.status == 200 || reply.status == 206)) {
      if (part.is_complete()) return;
      reply.transport = HttpReply::Transport::Dropped;  // an orderly end, but too early
      reply.detail = "ended after " + std::to_string(part.size()) + " of " + std::to_string(remote.size) + " bytes";
    } else if (answered && reply.status == 416 && part.size() > 0) {
      part.restart();
    } else if (!may_pass(reply)) {
      fail_with_reply(reply, settings_, id_, file);
    }
    if (part.size() >= counted_from + kProgressThatCounts) failures = 0;
    counted_from = part.size();
    if (++failures >= settings_.attempts) fail_with_reply(reply, settings_, id_, file);
    wait(failures, reply);
    part.announce(", attempt " + std::to_string(failures + 1));
  }
}

void HubClient::wait(int failures, const HttpReply& reply) const {
  milliseconds span = std::min(settings_.backoff * (1 << std::min(failures - 1, 10)), kLongestBackoff);
  if (const auto asked = parse_count(reply.header("retry-after"))) {
    span = std::min(milliseconds(std::min<std::uint64_t>(*asked, 3600) * 1000), kLongestAskedWait);
  }
  progress_.begin("waiting to try again", span.count());
  for (milliseconds waited{0}; waited < span; waited += kWaitStep) {
    stop_if_asked(progress_);
    std::this_thread::sleep_for(kWaitStep);
    progress_.advance(kWaitStep.count());
  }
}

}  // namespace energy_lens
