#include "energy_lens/hub/fetch_model.h"

#include "energy_lens/core/error.h"
#include "energy_lens/hub/file_lock.h"
#include "energy_lens/hub/hub_client.h"
#include "energy_lens/hub/repository_cache.h"
#include "energy_lens/hub/snapshot_files.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

// Brings the files of one commit into the cache.
class ModelFetch {
 public:
  ModelFetch(const HubSettings& settings, const ModelId& id, const RepositoryCache& cache, Progress& progress)
      : settings_(settings), id_(id), cache_(cache), progress_(progress), client_(settings, id, progress) {}

  // The commit that the hub's revision means. All files then come from it, also when the branch moves meanwhile.
  std::string resolve() {
    cache_.tag();
    if (is_commit(id_.revision)) return id_.revision;
    const std::optional<RemoteFile> config = client_.look_up(id_.revision, kConfigFile);
    if (!config) {
      fail(ErrorKind::NotFound, "fetch",
           id_.repository + "@" + id_.revision + " at " + settings_.endpoint +
               " has no config.json, expected a transformers checkpoint");
    }
    cache_.remember_commit(id_.revision, config->commit);
    return config->commit;
  }

  // Weights come last: once they are there, nothing else is missing.
  void bring_all(const std::string& commit) {
    commit_ = commit;
    bring_needed(kConfigFile);
    for (const char* file : kSmallFiles) bring(file);
    for (const WeightFile& weights : kWeightFiles) {
      if (!bring(weights.name)) continue;
      if (weights.is_index) {
        for (const std::string& shard : shards_of(cache_, commit_, weights.name)) bring_needed(shard);
      }
      return;
    }
    fail(ErrorKind::NotFound, "fetch",
         id_.repository + "@" + id_.revision +
             " has none of model.safetensors, pytorch_model.bin and their indices; for "
             "weights in another format, download that file and give its path");
  }

 private:
  void bring_needed(const std::string& file) {
    if (bring(file)) return;
    fail(ErrorKind::NotFound, "fetch",
         id_.repository + "@" + id_.revision + " lacks its file " + file + "; the upload is not whole");
  }

  // False when the commit has no such file.
  bool bring(const std::string& file) {
    if (cache_.has(commit_, file)) return true;
    if (cache_.knows_absent(commit_, file)) return false;
    const std::optional<RemoteFile> remote = client_.look_up(commit_, file);
    if (!remote) {
      cache_.remember_absent(commit_, file);
      return false;
    }
    const FileLock lock(cache_.lock(remote->etag), progress_);
    if (cache_.has(commit_, file)) return true;  // another process was quicker
    std::error_code ignored;
    const bool is_new = !fs::exists(cache_.blob(remote->etag), ignored);
    if (is_new) store(*remote, file, lock.held());
    cache_.publish(remote->etag, commit_, file, is_new);
    return true;
  }

  // A wrong digest after a resumption may be the fault of old bytes: then once more from the start.
  void store(const RemoteFile& remote, const std::string& file, bool alone) {
    PartialFile part(cache_.blob(remote.etag), remote.size, alone, file, progress_);
    client_.download(remote, file, part);
    const bool resumed = part.was_resumed();
    if (part.commit()) return;
    if (resumed) {
      client_.download(remote, file, part);
      if (part.commit()) return;
    }
    fail(ErrorKind::BadInput, "fetch",
         id_.repository + ", file " + file + ": the bytes that came do not have the digest " + remote.etag +
             " that the hub names; nothing of them is kept. Try again, and check any proxy in between");
  }

  const HubSettings& settings_;
  const ModelId& id_;
  const RepositoryCache& cache_;
  Progress& progress_;
  HubClient client_;
  std::string commit_;
};

// Errors: NotFound, saying what is missing.
fs::path from_cache_alone(const HubSettings& settings, const ModelId& id, const RepositoryCache& cache,
                          const std::string& commit) {
  const std::string lack = commit.empty() ? "anything of that revision" : lacking(cache, commit);
  if (lack.empty()) return cache.snapshot(commit);
  fail(ErrorKind::NotFound, "fetch",
       "offline, and the cache " + settings.cache.string() + " has not " + lack + " of " + id.repository + "@" +
           id.revision + "; fetch it once without HF_HUB_OFFLINE");
}

}  // namespace

fs::path fetch_model(const HubSettings& settings, const ModelId& id, HubUse use, Progress& progress) {
  const RepositoryCache cache(settings.cache, id.repository, settings.symlinks);
  std::string commit = cache.commit_of(id.revision);
  if (settings.offline) return from_cache_alone(settings, id, cache, commit);
  const bool may_move = use == HubUse::Refresh && !is_commit(id.revision);
  if (!may_move && !commit.empty() && is_whole(cache, commit)) return cache.snapshot(commit);
  ModelFetch fetch(settings, id, cache, progress);
  commit = fetch.resolve();
  fetch.bring_all(commit);
  return cache.snapshot(commit);
}

}  // namespace energy_lens
