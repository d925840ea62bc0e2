// Work shared out to at::get_num_threads() threads. ATen operators called inside run on their own thread only.
#pragma once
#include <ATen/Parallel.h>
#if defined(__SANITIZE_THREAD__)  // of GCC
#include <sanitizer/tsan_interface.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>

namespace energy_lens {

// Calls body(begin, end) for disjoint ranges that cover [0, count): at most one a thread, and a single one where count
// is no more than grain. Where ranges part depends on the number of threads, so bits must not depend on that. Starts no
// threads inside a parallel region. An exception of a body is thrown again here.
template <class Body>
void parallel_ranges(std::int64_t count, std::int64_t grain, const Body& body) {
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer does not see that OpenMP's threads start after what came before them and end before what follows.
  char started = 0, ended = 0;
  __tsan_release(&started);
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    __tsan_acquire(&started);
    body(begin, end);
    __tsan_release(&ended);
  });
  __tsan_acquire(&ended);
#else
  at::parallel_for(0, count, grain, body);
#endif
}

// A BLAS that believes in more threads cuts sums another way even where it then runs on one: while one of these lives,
// operators called on this thread believe in one.
class BelievesInOneThread {
 public:
  BelievesInOneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~BelievesInOneThread() { at::set_num_threads(before_); }
  BelievesInOneThread(const BelievesInOneThread&) = delete;
  BelievesInOneThread& operator=(const BelievesInOneThread&) = delete;

 private:
  int before_;
};

// Calls body(block) for block in [0, blocks), blocks being cut by the problem alone, never by the number of threads: a
// block's bits are then the same for any thread count. body must write only its own output. A thread takes the next
// block when it has done its last, so that one which the machine holds up delays the others by no more than a block.
// After an exception, which is thrown again here, no block is begun. Neighbouring blocks run on different threads: give
// them no cache line to share.
inline void parallel_blocks(std::int64_t blocks, const std::function<void(std::int64_t)>& body) {
  // With one item parallel_ranges would run it outside a parallel region, where its operators would use all threads
  // and round differently.
  const std::int64_t items = std::max<std::int64_t>(std::min<std::int64_t>(blocks, at::get_num_threads()), 2);
  std::atomic<std::int64_t> next{0};
  parallel_ranges(items, 1, [&](std::int64_t, std::int64_t) {
    const BelievesInOneThread here;
    try {
      for (std::int64_t block = next++; block < blocks; block = next++) body(block);
    } catch (...) {
      next = blocks;
      throw;
    }
  });
}

// Runs body with every ATen operator inside it on one thread: for sums and products whose bits must not depend on the
// number of threads and which are too small, or too sequential, to be cut into blocks.
inline void in_one_thread(const std::function<void()>& body) {
  parallel_blocks(1, [&](std::int64_t) { body(); });
}

}  // namespace energy_lens
