// Names of models on a hub.
#pragma once
#include <string>
#include <string_view>

namespace energy_lens {

struct ModelId {
  std::string repository;         // ORG/NAME, or NAME alone of the hub's oldest models
  std::string revision = "main";  // branch, tag or commit
};

// [ORG/]NAME[@REVISION]. Errors: Usage, where a part is not what a hub allows.
ModelId parse_model_id(std::string_view text);

// True when parse_model_id would accept `text`.
bool is_model_id(std::string_view text);

// 40 lower-case hex digits: such a revision always means the same files.
bool is_commit(std::string_view text);

}  // namespace energy_lens
