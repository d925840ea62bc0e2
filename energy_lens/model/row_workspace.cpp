#include "energy_lens/model/row_workspace.h"

#include <algorithm>
#include <array>

namespace energy_lens {
namespace {

constexpr std::int64_t kLine = 16;                         // numbers in a cache line
constexpr std::int64_t kMostKept = std::int64_t{1} << 26;  // numbers that a thread keeps in one slot

using Slots = std::array<at::Tensor, RowWorkspace::kSlots>;

Slots& kept_slots() {
  thread_local Slots slots;
  return slots;
}

}  // namespace

RowWorkspace::RowWorkspace() { std::move(kept_slots().begin(), kept_slots().end(), memory_); }

RowWorkspace::~RowWorkspace() {
  for (int slot = 0; slot < kSlots; ++slot) {
    if (memory_[slot].defined() && memory_[slot].numel() <= kMostKept) kept_slots()[slot] = std::move(memory_[slot]);
  }
}

at::Tensor RowWorkspace::rows(Slot slot, std::int64_t rows, std::int64_t width) {
  const std::int64_t lines = (width + kLine - 1) / kLine, stride = (lines | 1) * kLine;
  at::Tensor& memory = memory_[slot];
  if (!memory.defined() || memory.numel() < rows * stride) {
    memory.reset();
    memory = at::empty({rows * stride}, at::kFloat);
  }
  return memory.narrow(0, 0, rows * stride).view({rows, stride}).narrow(1, 0, width);
}

}  // namespace energy_lens
