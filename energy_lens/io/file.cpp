#include "energy_lens/io/file.h"

#include "energy_lens/core/error.h"
#include "energy_lens/io/atomic_file.h"
#include "energy_lens/io/mapped_file.h"

namespace energy_lens {
namespace {

// Length of the well-formed UTF-8 sequence at the start of bytes, 0 if there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  if (bytes.size() > max_bytes) {
    fail(ErrorKind::BadInput, "read_file",
         path.string() + " has " + std::to_string(bytes.size()) + " bytes, expected at most " +
             std::to_string(max_bytes));
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

ErrorKind kind_of_missing(const std::filesystem::path& place) {
  std::error_code ignored;
  const auto status = std::filesystem::symlink_status(place, ignored);
  return std::filesystem::exists(status) ? ErrorKind::BadInput : ErrorKind::NotFound;
}

}  // namespace energy_lens
