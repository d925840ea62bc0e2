#include "energy_lens/io/file.h"
#include "energy_lens/io/hasher.h"
#include "energy_lens/io/mapped_file.h"

namespace energy_lens {

std::string sha256_hex(std::string_view bytes) {
  Hasher hasher(Hasher::Algorithm::Sha256);
  hasher.add(bytes);
  return hasher.hex();
}

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return sha256_hex({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()});
}

}  // namespace energy_lens
