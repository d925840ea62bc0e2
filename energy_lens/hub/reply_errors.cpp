#include "energy_lens/hub/reply_errors.h"

#include "energy_lens/core/error.h"
#include "energy_lens/hub/url.h"

namespace energy_lens {
namespace {

using Transport = HttpReply::Transport;

struct Question {
  const HttpReply& reply;
  const HubSettings& settings;
  const ModelId& id;
  const std::string& file;
};

// Text of a stranger, fit for a terminal.
std::string printable(const std::string& text) {
  std::string clean;
  for (const char c : text.substr(0, 200)) clean += c >= ' ' && c < 0x7f ? c : '?';
  return clean;
}

std::string seconds(std::chrono::milliseconds span) { return std::to_string((span.count() + 999) / 1000) + " s"; }

std::string explain_transport(const Question& q) {
  const std::string reason = printable(q.reply.detail);
  switch (q.reply.transport) {
    case Transport::Timeout:
      return "silence for " + seconds(q.settings.download_timeout) + " (" + reason +
             "); try again, or allow more time with HF_HUB_DOWNLOAD_TIMEOUT and HF_HUB_ETAG_TIMEOUT";
    case Transport::Dropped:
      return "the connection broke " + std::to_string(q.settings.attempts) + " times (" + reason +
             "); the same command goes on from where it stopped";
    case Transport::Unreachable:
      return "no connection (" + reason +
             "); check the network, a proxy (https_proxy) or HF_ENDPOINT, or work from the cache with "
             "HF_HUB_OFFLINE=1";
    default:
      return "the exchange was refused (" + reason + ")";
  }
}

std::string explain_denial(const Question& q) {
  const bool has_token = !q.settings.token.empty();
  const std::string page = q.settings.endpoint + "/" + q.id.repository;
  if (q.reply.header("x-error-code") == "GatedRepo") {
    return "the model is gated: accept its terms at " + page + " and set HF_TOKEN to a token of that account" +
           (has_token ? " (the present one has no access yet)" : "");
  }
  if (has_token) {
    return "the token was not accepted for it: the model does not exist, is private, or the token is wrong or lacks "
           "the right "
           "to read; check the name and HF_TOKEN";
  }
  return "the model does not exist or is private; check the name, or set HF_TOKEN to a token that may read it";
}

std::string explain_absence(const Question& q) {
  const std::string code = q.reply.header("x-error-code");
  if (code == "RevisionNotFound")
    return "the model has no revision '" + q.id.revision + "'; expected a branch, tag or commit of it";
  if (code == "EntryNotFound") return "the model has no such file; expected a transformers checkpoint";
  if (code == "RepoNotFound") return explain_denial(q);
  return "expected a Hugging Face hub at HF_ENDPOINT";
}

// Files come from other servers than answers, with addresses that are signed and hold for a while.
std::string explain_other_server(const Question& q) {
  return "the hub sent us there for the file, and that server does not give it: the address may have run out, or a "
         "proxy or firewall stands between; the same command asks " +
         q.settings.endpoint + " for a new one";
}

bool is_from_other_server(const Question& q) { return origin_of(q.reply.url) != origin_of(q.settings.endpoint); }

std::string explain_status(const Question& q) {
  if (q.reply.status >= 400 && q.reply.status < 429 && is_from_other_server(q)) return explain_other_server(q);
  switch (q.reply.status) {
    case 401:
    case 403:
      return explain_denial(q);
    case 404:
      return explain_absence(q);
    case 429:
      return "too many requests; wait some minutes, or set HF_TOKEN, which has a higher limit";
    default:
      return q.reply.status >= 500 ? "the hub has a fault of its own; try again later" : "expected a file";
  }
}

}  // namespace

bool may_pass(const HttpReply& reply) {
  if (reply.transport != Transport::Done)
    return reply.transport == Transport::Timeout || reply.transport == Transport::Dropped;
  const int status = reply.status;
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool says_file_is_absent(const HttpReply& reply) {
  return reply.transport == Transport::Done && reply.status == 404 && reply.header("x-error-code") == "EntryNotFound";
}

void fail_with_reply(const HttpReply& reply, const HubSettings& settings, const ModelId& id, const std::string& file) {
  const Question question{reply, settings, id, file};
  std::string message = id.repository + "@" + id.revision + ", file " + file + ", asked of " +
                        printable(reply.url.substr(0, reply.url.find('?'))) + ": ";
  if (reply.transport != Transport::Done) {
    message += explain_transport(question);
  } else {
    const std::string theirs = printable(reply.header("x-error-message"));
    message += "status " + std::to_string(reply.status) + (theirs.empty() ? "" : " '" + theirs + "'") + ": " +
               explain_status(question);
  }
  fail(ErrorKind::NotFound, "fetch", message);
}

}  // namespace energy_lens
