// Files that appear only when all of them are written: they are made in a folder beside the target, and commit() moves
// one after the other into it. Each is whole at every moment. Nothing makes the moves one: where a run is killed, or a
// move fails, between the first and the last, the target has new files beside old ones.
#pragma once
#include <filesystem>

namespace energy_lens {

class StagedFolder {
 public:
  // Makes missing parent folders. Errors: Resource.
  explicit StagedFolder(const std::filesystem::path& target);
  ~StagedFolder();  // without commit(): removes what was staged, and leaves the target as it was
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::filesystem::path& path() const { return staging_; }
  void commit();  // replaces files of the same names in the target. Errors: Resource, naming what has not been moved.

 private:
  std::filesystem::path target_, staging_;
};

}  // namespace energy_lens
