#include "energy_lens/hub/snapshot_files.h"

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

constexpr std::size_t kMostShards = 10000;

bool has_weights(const RepositoryCache& cache, const std::string& commit) {
  return std::ranges::any_of(kWeightFiles, [&](const WeightFile& weights) {
    if (!cache.has(commit, weights.name)) return false;
    if (!weights.is_index) return true;
    const std::set<std::string> shards = shards_of(cache, commit, weights.name);
    return std::ranges::all_of(shards, [&](const std::string& shard) { return cache.has(commit, shard); });
  });
}

bool has_tokenizer(const RepositoryCache& cache, const std::string& commit) {
  return cache.has(commit, "tokenizer.json") || cache.has(commit, "tokenizer.model") ||
         (cache.has(commit, "vocab.json") && cache.has(commit, "merges.txt"));
}

}  // namespace

std::set<std::string> shards_of(const RepositoryCache& cache, const std::string& commit, const std::string& index) {
  std::set<std::string> shards;
  for (const auto& [tensor, file] : read_shard_index(cache.snapshot(commit) / index)) shards.insert(file);
  if (shards.size() > kMostShards) {
    fail(ErrorKind::BadInput, "fetch",
         index + " names " + std::to_string(shards.size()) + " files, expected at most 10000");
  }
  return shards;
}

std::string lacking(const RepositoryCache& cache, const std::string& commit) {
  const bool config = cache.has(commit, kConfigFile), weights = has_weights(cache, commit);
  if (!config && !weights) return "config.json and weights";
  if (!config) return "config.json";
  return weights ? "" : "weights (model.safetensors, pytorch_model.bin, or all of their shards)";
}

bool is_whole(const RepositoryCache& cache, const std::string& commit) {
  const auto settled = [&](const char* file) { return cache.has(commit, file) || cache.knows_absent(commit, file); };
  return lacking(cache, commit).empty() && (has_tokenizer(cache, commit) || std::ranges::all_of(kSmallFiles, settled));
}

}  // namespace energy_lens
