#include "energy_lens/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "energy_lens/core/error.h"
#include "energy_lens/io/descriptor.h"

namespace energy_lens {
std::shared_ptr<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // Without waiting, or a named pipe would keep us here.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor.is_open()) {
    const ErrorKind kind = errno == ELOOP ? ErrorKind::BadInput : ErrorKind::NotFound;
    fail(kind, "open", path.string() + ": " + std::strerror(errno) + ", expected a readable file");
  }
  struct stat status{};
  if (::fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    fail(ErrorKind::BadInput, "open", path.string() + " is not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) fail(ErrorKind::BadInput, "open", path.string() + " is empty");
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (data == MAP_FAILED) fail(ErrorKind::Resource, "open", path.string() + ": " + std::strerror(errno));
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const std::uint8_t*>(data), size));
}

void MappedFile::let_go(std::size_t begin, std::size_t size) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = (begin + page - 1) / page * page, end = (begin + size) / page * page;
  // Advice only: where the system does not take it, the pages stay.
  if (first < end) ::madvise(const_cast<std::uint8_t*>(data_) + first, end - first, MADV_DONTNEED);
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::uint8_t*>(data_), size_); }

}  // namespace energy_lens
