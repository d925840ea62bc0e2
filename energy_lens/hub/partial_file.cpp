#include "energy_lens/hub/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/interruption.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".incomplete";

fs::path unique_path(const fs::path& blob) {
  std::random_device random;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned int>(random()));
  return blob.string() + "." + digits + std::string(kSuffix);
}

// The longest file that an earlier run left of this blob, with at most `limit` bytes; "" for none.
fs::path longest_left_over(const fs::path& blob, std::uint64_t limit) {
  const std::string prefix = blob.filename().string() + ".";
  fs::path longest;
  std::uint64_t most = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(blob.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(kSuffix) || !entry.is_regular_file(error)) continue;
    const std::uint64_t size = entry.file_size(error);
    if (error || size <= most || size > limit) continue;
    most = size;
    longest = entry.path();
  }
  return longest;
}

}  // namespace

PartialFile::PartialFile(const fs::path& blob, std::uint64_t size, bool adopt, std::string title, Progress& progress)
    : blob_(blob),
      file_{unique_path(blob)},
      expected_size_(size),
      title_(std::move(title)),
      progress_(progress),
      hasher_(Hasher::Algorithm::Sha256) {
  std::error_code ignored;
  fs::create_directories(blob.parent_path(), ignored);
  file_.has_bytes = adopt && adopt_earlier();
  file_.descriptor = Descriptor(::open(file_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_.descriptor.is_open()) fail_here("making");
  reset_hasher();
  announce("");
  if (file_.has_bytes) read_again();
  require_room();
}

PartialFile::OpenFile::~OpenFile() {
  if (descriptor.is_open() && !has_bytes) ::unlink(path.c_str());
}

// A new name even so: where locks do not work, two processes cannot both succeed in renaming one file.
bool PartialFile::adopt_earlier() {
  const fs::path earlier = longest_left_over(blob_, expected_size_);
  return !earlier.empty() && ::rename(earlier.c_str(), file_.path.c_str()) == 0;
}

void PartialFile::read_again() {
  std::vector<char> piece(1 << 20);
  ssize_t count = 0;
  while ((count = ::read(file_.descriptor.get(), piece.data(), piece.size())) > 0) {
    stop_if_asked(progress_);
    hasher_.add({piece.data(), static_cast<std::size_t>(count)});
    size_ += static_cast<std::uint64_t>(count);
    progress_.advance(count);
  }
  if (count < 0) fail_here("reading");
  resumed_ = size_ > 0;
}

void PartialFile::reset_hasher() {
  const bool is_git_name = blob_.filename().string().size() == 40;
  hasher_ = Hasher(is_git_name ? Hasher::Algorithm::Sha1 : Hasher::Algorithm::Sha256);
  if (is_git_name) {
    const std::string head = "blob " + std::to_string(expected_size_);
    hasher_.add({head.c_str(), head.size() + 1});  // with its terminating zero
  }
}

void PartialFile::require_room() const {
  std::error_code error;
  const fs::space_info room = fs::space(blob_.parent_path(), error);
  if (error || room.available >= expected_size_ - size_) return;
  fail(ErrorKind::Resource, "fetch",
       title_ + " needs " + std::to_string(expected_size_ - size_) + " bytes in " + blob_.parent_path().string() +
           ", which has " + std::to_string(room.available) + " free; free some, or keep the cache elsewhere");
}

void PartialFile::fail_here(const char* doing) const {
  fail(ErrorKind::Resource, "fetch",
       file_.path.string() + ": " + std::strerror(errno) + " while " + doing +
           " it; expected a writable cache with room for " + std::to_string(expected_size_) +
           " bytes. What came so far is kept");
}

void PartialFile::start(bool resumed) {
  if (!resumed && size_ > 0) restart();
  resumed_ = resumed_ || resumed;
}

void PartialFile::write(std::string_view bytes) {
  if (bytes.size() > expected_size_ - size_) {
    restart();
    fail(ErrorKind::BadInput, "fetch",
         title_ + " is longer than the " + std::to_string(expected_size_) + " bytes announced; nothing of it is kept");
  }
  hasher_.add(bytes);
  progress_.advance(static_cast<std::int64_t>(bytes.size()));
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.descriptor.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_here("writing");
    file_.has_bytes = true;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
}

void PartialFile::restart() {
  const int descriptor = file_.descriptor.get();
  if (::ftruncate(descriptor, 0) != 0 || ::lseek(descriptor, 0, SEEK_SET) != 0) fail_here("emptying");
  size_ = 0;
  file_.has_bytes = resumed_ = false;
  reset_hasher();
  announce("");
}

void PartialFile::announce(const std::string& note) {
  progress_.begin(title_ + note, static_cast<std::int64_t>(expected_size_));
  progress_.advance(static_cast<std::int64_t>(size_));
}

bool PartialFile::commit() {
  EL_ASSERT(is_complete());
  if (hasher_.hex() != blob_.filename().string()) {
    restart();
    return false;
  }
  if (::fsync(file_.descriptor.get()) != 0 && errno != EINVAL && errno != ENOTSUP) fail_here("flushing");
  if (::rename(file_.path.c_str(), blob_.c_str()) != 0) fail_here("renaming");
  return true;
}

}  // namespace energy_lens
