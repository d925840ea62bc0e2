#include <openssl/evp.h>

#include <memory>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/mapped_file.h"

namespace energy_lens {
namespace {

std::string digest(const void* data, std::size_t size) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EL_ASSERT(EVP_Digest(data, size, sum, &length, EVP_sha256(), nullptr) == 1);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kHex[sum[i] >> 4];
    hex += kHex[sum[i] & 15];
  }
  return hex;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return digest(bytes.data(), bytes.size()); }

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return digest(file->bytes().data(), file->bytes().size());
}

}  // namespace energy_lens
