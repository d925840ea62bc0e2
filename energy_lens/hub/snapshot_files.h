// Which files make a model, and which of them a snapshot in the cache has.
#pragma once
#include <array>
#include <set>
#include <string>

#include "energy_lens/hub/repository_cache.h"
#include "energy_lens/io/shard_index.h"

namespace energy_lens {

inline constexpr const char* kConfigFile = "config.json";
// Fetched where the model has them.
inline constexpr std::array kSmallFiles = {
    "generation_config.json", "tokenizer_config.json", "tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt",
    "special_tokens_map.json"};

// The files that the index in the snapshot names. Errors: BadInput, also for more than 10000 of them.
std::set<std::string> shards_of(const RepositoryCache& cache, const std::string& commit, const std::string& index);

// What the snapshot lacks to be loaded, in words; "" when it lacks nothing. Errors: BadInput (index).
std::string lacking(const RepositoryCache& cache, const std::string& commit);

// True when the snapshot can be used without asking the hub for more: it lacks nothing, and it has a tokenizer or is
// known to have none.
bool is_whole(const RepositoryCache& cache, const std::string& commit);

}  // namespace energy_lens
