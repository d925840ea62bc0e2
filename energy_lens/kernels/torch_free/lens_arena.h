// Working memory that a thread keeps between calls, so that the steady state touches no new page.
#pragma once
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
    size_ = rounded(bytes);
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, static_cast<std::size_t>(size_))));
    if (memory_ == nullptr) {
      size_ = 0;
      throw std::bad_alloc();
    }
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
  static constexpr std::int64_t kAlignment = 64;
  static std::int64_t rounded(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

  std::unique_ptr<std::byte, Free> memory_;
  std::int64_t size_ = 0, used_ = 0;
};

}  // namespace energy_lens
