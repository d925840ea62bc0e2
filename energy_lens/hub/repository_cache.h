// One model's part of a Hugging Face cache folder:
//   <cache>/models--ORG--NAME/refs/<revision>              text: the commit
//   <cache>/models--ORG--NAME/blobs/<etag>                 contents
//   <cache>/models--ORG--NAME/snapshots/<commit>/<file>    link to the blob, or the file itself
//   <cache>/models--ORG--NAME/.no_exist/<commit>/<file>    empty: the hub said that there is no such file
//   <cache>/.locks/models--ORG--NAME/<etag>.lock
// Revisions come from parse_model_id, commits from is_commit, files from our own lists or a checked shard index: none
// can lead out of the folder.
#pragma once
#include <filesystem>
#include <string>

namespace energy_lens {

class RepositoryCache {
 public:
  RepositoryCache(const std::filesystem::path& cache, const std::string& repository, bool symlinks);

  // The commit itself, or what refs/<revision> says; "" when that is not known.
  std::string commit_of(const std::string& revision) const;
  std::filesystem::path snapshot(const std::string& commit) const;
  bool has(const std::string& commit, const std::string& file) const;
  bool knows_absent(const std::string& commit, const std::string& file) const;
  std::filesystem::path blob(const std::string& etag) const;
  std::filesystem::path lock(const std::string& etag) const;

  // Errors of all below: Resource (cache not writable).
  void remember_commit(const std::string& revision, const std::string& commit) const;
  void remember_absent(const std::string& commit, const std::string& file) const;
  // Makes the blob appear as `file`. Without symlinks a blob that is new is moved there, an older one copied.
  void publish(const std::string& etag, const std::string& commit, const std::string& file, bool is_new) const;
  // Marks the cache folder as one that backups may leave out (CACHEDIR.TAG). Keeps a mark that is there.
  void tag() const;

 private:
  std::filesystem::path cache_, folder_;
  bool symlinks_;
};

}  // namespace energy_lens
