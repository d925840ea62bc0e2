#include "energy_lens/io/staged_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

class StagedFolderTest : public ::testing::Test {
 protected:
  void TearDown() override { fs::remove_all(root_); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      found.push_back(fs::relative(entry.path(), root_).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  const fs::path root_ = fs::temp_directory_path() / ("el_staged_" + std::to_string(::getpid()));
  const fs::path target_ = root_ / "out/deep";
};

TEST_F(StagedFolderTest, ShowsNothingUntilCommitted) {
  StagedFolder staged(target_);
  write_file(staged.path() / "a", "1");
  write_file(staged.path() / "b", "2");
  EXPECT_FALSE(fs::exists(target_));
  staged.commit();
  EXPECT_EQ(read_file(target_ / "a") + read_file(target_ / "b"), "12");
}

TEST_F(StagedFolderTest, LeavesNoTraceWithoutCommit) {
  write_file(target_ / "a", "old");
  {
    StagedFolder staged(target_);
    write_file(staged.path() / "a", "new");
  }
  EXPECT_EQ(read_file(target_ / "a"), "old");
  EXPECT_EQ(names(), (std::vector<std::string>{"out", "out/deep", "out/deep/a"}));
}

TEST_F(StagedFolderTest, ReplacesFilesOfTheSameNameAndKeepsOthers) {
  write_file(target_ / "a", "old");
  write_file(target_ / "other", "kept");
  {
    StagedFolder staged(target_.string() + "/");  // a trailing slash names the same folder
    write_file(staged.path() / "a", "new");
    staged.commit();
  }
  EXPECT_EQ(read_file(target_ / "a") + read_file(target_ / "other"), "newkept");
  EXPECT_EQ(names(), (std::vector<std::string>{"out", "out/deep", "out/deep/a", "out/deep/other"}));
}

TEST_F(StagedFolderTest, AMoveThatFailsSaysWhichFilesAreNew) {
  write_file(target_ / "b/inside", "a folder where a file should go");
  StagedFolder staged(target_);
  for (const char* name : {"a", "b", "c"}) write_file(staged.path() / name, "new");
  try {
    staged.commit();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("deep/b: "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("before it are new"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(fs::exists(target_ / "a"));
  EXPECT_FALSE(fs::exists(target_ / "c"));
}

TEST_F(StagedFolderTest, RefusesATargetThatIsAFile) {
  write_file(root_ / "file", "x");
  StagedFolder staged(root_ / "file");
  write_file(staged.path() / "a", "1");
  EXPECT_THROW(staged.commit(), Error);
  EXPECT_THROW(StagedFolder(root_ / "file/below"), Error);
}

}  // namespace
}  // namespace energy_lens
