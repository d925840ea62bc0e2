#include "energy_lens/model/kv_cache.h"

#include <algorithm>
#include <vector>

namespace energy_lens {
namespace {

at::Tensor appended(at::Tensor& room, std::int64_t length, const at::Tensor& fresh) {
  const std::int64_t needed = length + fresh.size(2);
  if (!room.defined() || room.size(2) < needed) {
    std::vector<std::int64_t> shape = fresh.sizes().vec();
    shape[2] = std::max(needed, 2 * length);
    const at::Tensor larger = at::empty(shape, fresh.options());
    if (length > 0) larger.narrow(2, 0, length).copy_(room.narrow(2, 0, length));
    room = larger;
  }
  room.narrow(2, length, fresh.size(2)).copy_(fresh);
  return room.narrow(2, 0, needed);
}

}  // namespace

SeenKeys append_to_cache(KvCache& cache, std::int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  const auto at_layer = static_cast<std::size_t>(layer);
  if (cache.keys.size() <= at_layer) {
    cache.keys.resize(at_layer + 1);
    cache.values.resize(at_layer + 1);
  }
  return {appended(cache.keys[at_layer], cache.length, keys), appended(cache.values[at_layer], cache.length, values)};
}

}  // namespace energy_lens
