// A model's files as a folder: from the cache where they are there, else from the hub into the cache.
#pragma once
#include <filesystem>

#include "energy_lens/core/progress.h"
#include "energy_lens/hub/model_id.h"
#include "energy_lens/hub/settings.h"

namespace energy_lens {

enum class HubUse {
  IfNeeded,  // no network when the cache has a whole snapshot of the revision
  Refresh,   // asks the hub what the revision means now; a revision that is a commit always means the same
};

// The snapshot folder of id.revision with config.json, weights (model.safetensors, its shards, pytorch_model.bin or its
// shards: the first of these that there is) and the tokenizer's files. Every downloaded byte is checked against the
// digest that the hub gives. Safe beside other processes that use the cache.
// Errors: NotFound (no such model, revision or file; no right to it; network; offline and not in the cache), BadInput
// (a download or an index that is not what it should be), Resource (disk), Usage (endpoint), Interrupted.
std::filesystem::path fetch_model(const HubSettings& settings, const ModelId& id, HubUse use, Progress& progress);

}  // namespace energy_lens
