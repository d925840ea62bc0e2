#include "energy_lens/io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  std::string name = path.string() + ".XXXXXX.incomplete";
  descriptor_ = Descriptor(::mkstemps(name.data(), static_cast<int>(std::strlen(".incomplete"))));
  temporary_ = name;
  if (!descriptor_.is_open()) fail_here("making");
  ::fchmod(descriptor_.get(), 0644);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail_here(const char* doing) const {
  fail(ErrorKind::Resource, "write",
       path_.string() + ": " + std::strerror(errno) + " while " + doing +
           " it; the file that was there before, if any, is unchanged");
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_.get(), bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_here("writing");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_here("flushing");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_here("renaming");
  temporary_.clear();
}

}  // namespace energy_lens
