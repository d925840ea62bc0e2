#include "energy_lens/io/hasher.h"

#include <openssl/evp.h>

#include "energy_lens/core/error.h"

namespace energy_lens {

struct Hasher::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Hasher::Hasher(Algorithm algorithm) : context_(std::make_unique<Context>()) {
  const EVP_MD* type = algorithm == Algorithm::Sha1 ? EVP_sha1() : EVP_sha256();
  EL_ASSERT(context_->evp != nullptr && EVP_DigestInit_ex(context_->evp, type, nullptr) == 1);
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(std::string_view bytes) {
  EL_ASSERT(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

std::string Hasher::hex() {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EL_ASSERT(EVP_DigestFinal_ex(context_->evp, sum, &length) == 1);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kHex[sum[i] >> 4];
    hex += kHex[sum[i] & 15];
  }
  return hex;
}

}  // namespace energy_lens
