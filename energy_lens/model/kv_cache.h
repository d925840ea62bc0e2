// Growth of a KvCache: room is doubled when it runs out, so that a new token copies none of the old ones.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

#include "energy_lens/model/model.h"

namespace energy_lens {

struct SeenKeys {
  at::Tensor keys, values;  // [B, Hkv, length + T, Dh], views of the cache
};

// Writes keys and values [B, Hkv, T, Dh] of the tokens after cache.length at one layer; the pass adds T to the length
// once, after its last layer.
SeenKeys append_to_cache(KvCache& cache, std::int64_t layer, const at::Tensor& keys, const at::Tensor& values);

}  // namespace energy_lens
