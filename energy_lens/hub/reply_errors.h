// What a hub's refusals mean, in words.
#pragma once
#include <string>

#include "energy_lens/hub/http.h"
#include "energy_lens/hub/model_id.h"

namespace energy_lens {

// True for answers that a second attempt may change: dropped connections, timeouts, 429, 500, 502, 503, 504.
bool may_pass(const HttpReply& reply);

// True when the repository and revision are there but the file is not.
bool says_file_is_absent(const HttpReply& reply);

// Throws NotFound that says what was asked of whom, what came back and what to do. `file` is of repository `id`.
[[noreturn]] void fail_with_reply(const HttpReply& reply, const HubSettings& settings, const ModelId& id,
                                  const std::string& file);

}  // namespace energy_lens
