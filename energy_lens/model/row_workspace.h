// The buffers of a RowPass. A thread keeps them between passes, so that the steady state touches no new page.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

namespace energy_lens {

class RowWorkspace {
 public:
  // Takes the thread's buffers, and gives them back; a pass inside a pass (an observer that runs a model) makes its
  // own.
  RowWorkspace();
  ~RowWorkspace();
  RowWorkspace(const RowWorkspace&) = delete;
  RowWorkspace& operator=(const RowWorkspace&) = delete;

  enum Slot { Normed, Qkv, Z, Out, Post, kSlots };
  // [rows, width] fp32, uninitialised, rows apart by an odd number of cache lines: 4,096 bytes would put all rows of a
  // tile into one cache set. What the slot held before is void.
  at::Tensor rows(Slot slot, std::int64_t rows, std::int64_t width);

 private:
  at::Tensor memory_[kSlots];
};

}  // namespace energy_lens
