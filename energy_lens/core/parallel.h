// Work cut into blocks whose boundaries depend on the problem alone, never on the number of threads. ATen operators
// called inside a block run on that block's thread only, so a block's bits are the same for any thread count.
#pragma once
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <functional>

namespace energy_lens {

// Calls body(block) for block in [0, blocks), on at::get_num_threads() threads. body must write only its own output.
inline void parallel_blocks(std::int64_t blocks, const std::function<void(std::int64_t)>& body) {
  // With one block at::parallel_for would run it outside a parallel region, where its operators would use all threads
  // and round differently; a second, empty item keeps it inside.
  const std::int64_t items = std::max<std::int64_t>(blocks, 2);
  at::parallel_for(0, items, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < std::min(end, blocks); ++block) body(block);
  });
}

// Runs body with every ATen operator inside it on one thread: for sums and products whose bits must not depend on the
// number of threads and which are too small, or too sequential, to be cut into blocks.
inline void in_one_thread(const std::function<void()>& body) {
  parallel_blocks(1, [&](std::int64_t) { body(); });
}

}  // namespace energy_lens
