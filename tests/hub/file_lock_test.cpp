#include "energy_lens/hub/file_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

std::ptrdiff_t open_files() { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); }

TEST(FileLock, AnInterruptedWaitLeavesNothingOpen) {
  const fs::path path = fs::temp_directory_path() / ("el_lock_" + std::to_string(::getpid()));
  {
    const FileLock first(path, no_progress());
    EXPECT_TRUE(first.held());
    const std::ptrdiff_t before = open_files();
    Progress cancelled;
    cancelled.cancel();
    for (int i = 0; i < 3; ++i) EXPECT_THROW(FileLock(path, cancelled), Error);
    EXPECT_EQ(open_files(), before);
  }
  const FileLock again(path, no_progress());
  EXPECT_TRUE(again.held());
  fs::remove(path);
}

}  // namespace
}  // namespace energy_lens
