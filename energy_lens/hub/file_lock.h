// An exclusive lock on a file, shared with other programs that use flock(2), such as the Python hub client.
#pragma once
#include <filesystem>

#include "energy_lens/core/progress.h"
#include "energy_lens/io/descriptor.h"

namespace energy_lens {

class FileLock {
 public:
  // Makes the file and its folders, and waits as long as another process holds it. Errors: Resource (cannot be made),
  // Interrupted.
  FileLock(const std::filesystem::path& path, const Progress& progress);

  // False on file systems without locks; callers then may not rely on being alone.
  bool held() const { return held_; }

 private:
  bool is_still_at(const std::filesystem::path& path) const;
  Descriptor descriptor_;
  bool held_ = false;
};

}  // namespace energy_lens
