// Working memory that a thread keeps between calls, so that the steady state touches no new page.
#pragma once
#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace energy_lens {

class LensArena {
 public:
  // Room for `bytes`, from the start; what was taken before is void.
  void reset(std::int64_t bytes) {
    used_ = 0;
    if (bytes <= size_) return;
    memory_.reset();  // first: the two must not stand side by side
    size_ = 0;
    const std::int64_t alignment = bytes < kHugePage ? kAlignment : kHugePage;
    const auto size = static_cast<std::size_t>((bytes + alignment - 1) / alignment * alignment);
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(static_cast<std::size_t>(alignment), size)));
    if (memory_ == nullptr) throw std::bad_alloc();
    size_ = bytes;
#ifdef __linux__
    // The kernel walks arrays at strides of a page: with small pages it waits for address translation. Only a wish.
    if (alignment == kHugePage) madvise(memory_.get(), size, MADV_HUGEPAGE);
#endif
  }

  // The next `count` numbers, 64-byte aligned, uninitialised. The caller has reset to enough.
  template <class T>
  T* take(std::int64_t count) {
    T* const start = reinterpret_cast<T*>(memory_.get() + used_);
    used_ += rounded(count * static_cast<std::int64_t>(sizeof(T)));
    return start;
  }

  std::int64_t size() const { return size_; }

  // What `count` numbers of T take.
  template <class T>
  static std::int64_t bytes_of(std::int64_t count) {
    return rounded(count * static_cast<std::int64_t>(sizeof(T)));
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  static constexpr std::int64_t kAlignment = 64, kHugePage = std::int64_t{2} << 20;
  static std::int64_t rounded(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

  std::unique_ptr<std::byte, Free> memory_;
  std::int64_t size_ = 0, used_ = 0;
};

}  // namespace energy_lens
