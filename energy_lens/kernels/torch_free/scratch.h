// Working memory that a thread keeps between calls, so that the steady state touches no new page.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace energy_lens {

class Scratch {
 public:
  // Room for `count` numbers, 64-byte aligned, uninitialised; valid until the next call.
  float* numbers(std::int64_t count) {
    if (count > count_) {
      memory_.reset();  // first: the two must not stand side by side
      count_ = (count + 15) / 16 * 16;
      memory_.reset(static_cast<float*>(std::aligned_alloc(64, static_cast<std::size_t>(count_) * sizeof(float))));
      if (memory_ == nullptr) {
        count_ = 0;
        throw std::bad_alloc();
      }
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  std::int64_t count_ = 0;
};

}  // namespace energy_lens
