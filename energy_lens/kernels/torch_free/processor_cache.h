// How much a core can keep near it.
#pragma once
#include <cstdint>

namespace energy_lens {

// Bytes of a core's second-level cache, asked once; 512 KB where the system does not say.
std::int64_t second_level_cache_bytes();

}  // namespace energy_lens
