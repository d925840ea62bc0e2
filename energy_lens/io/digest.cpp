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
  constexpr std::size_t kPiece = 1 << 24;
  const auto file = MappedFile::open(path);
  const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  Hasher hasher(Hasher::Algorithm::Sha256);
  for (std::size_t begin = 0; begin < bytes.size(); begin += kPiece) {
    const std::string_view piece = bytes.substr(begin, kPiece);
    hasher.add(piece);
    file->let_go(begin, piece.size());
  }
  return hasher.hex();
}

}  // namespace energy_lens
