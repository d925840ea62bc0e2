// Files that appear together or not at all: they are written to a folder beside the target, commit() moves each into
// it.
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
  void commit();  // replaces files of the same names in the target. Errors: Resource.

 private:
  std::filesystem::path target_, staging_;
};

}  // namespace energy_lens
