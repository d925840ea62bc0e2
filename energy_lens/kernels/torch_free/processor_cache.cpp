#include "energy_lens/kernels/torch_free/processor_cache.h"

#include <unistd.h>

namespace energy_lens {
namespace {

std::int64_t ask() {
  constexpr std::int64_t kUnknown = 512 * 1024;
#ifdef _SC_LEVEL2_CACHE_SIZE
  const std::int64_t bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : kUnknown;
#else
  return kUnknown;
#endif
}

}  // namespace

std::int64_t second_level_cache_bytes() {
  static const std::int64_t bytes = ask();
  return bytes;
}

}  // namespace energy_lens
