#include "energy_lens/hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/interruption.h"

namespace energy_lens {

FileLock::FileLock(const std::filesystem::path& path, const Progress& progress) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  while (true) {
    descriptor_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!descriptor_.is_open()) {
      fail(ErrorKind::Resource, "fetch",
           path.string() + ": " + std::strerror(errno) + "; expected a writable cache folder");
    }
    while (!(held_ = ::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0) && (errno == EWOULDBLOCK || errno == EINTR)) {
      stop_if_asked(progress);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    // Some programs remove the file when they are done: then the lock is on a file that nobody else sees.
    if (!held_ || is_still_at(path)) return;
  }
}

bool FileLock::is_still_at(const std::filesystem::path& path) const {
  struct stat ours{}, there{};
  return ::fstat(descriptor_.get(), &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

}  // namespace energy_lens
