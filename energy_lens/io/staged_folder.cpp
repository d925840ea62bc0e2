#include "energy_lens/io/staged_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_on(const fs::path& path, const std::string& why,
                          const char* state = "what was there before, if anything, is unchanged") {
  fail(ErrorKind::Resource, "write", path.string() + ": " + why + "; " + state);
}

}  // namespace

StagedFolder::StagedFolder(const fs::path& target) : target_(target) {
  std::error_code error;
  fs::path whole = fs::absolute(target, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // it ended in a slash
  const fs::path parent = whole.parent_path();
  std::string name = (parent / std::string(".").append(whole.filename().string()).append(".XXXXXX")).string();
  fs::create_directories(parent, error);
  if (error) fail_on(parent, error.message());
  if (::mkdtemp(name.data()) == nullptr) fail_on(name, std::strerror(errno));
  staging_ = name;
  ::chmod(name.c_str(), 0755);
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
}

void StagedFolder::commit() {
  std::error_code error;
  fs::create_directories(target_, error);
  if (error) fail_on(target_, error.message());
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(staging_)) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    fs::rename(staging_ / file, target_ / file, error);
    if (error) fail_on(target_ / file, error.message(), "files whose names come before it are new, the others are not");
  }
}

}  // namespace energy_lens
