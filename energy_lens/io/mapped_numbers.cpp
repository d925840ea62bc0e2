#include "energy_lens/io/mapped_numbers.h"

#include <algorithm>

#include "energy_lens/core/error.h"

namespace energy_lens {

void copy_numbers(const MappedFile& file, std::size_t begin, at::ScalarType stored, const at::Tensor& out) {
  constexpr std::int64_t kPiece = 1 << 22;
  const auto size = static_cast<std::int64_t>(at::elementSize(stored));
  EL_ASSERT(begin + static_cast<std::size_t>(out.numel() * size) <= file.bytes().size());
  const at::Tensor flat = out.view({-1});
  for (std::int64_t first = 0; first < flat.numel(); first += kPiece) {
    const std::int64_t count = std::min(kPiece, flat.numel() - first);
    const std::size_t at = begin + static_cast<std::size_t>(first * size);
    // from_blob wants a mutable pointer; nothing writes to it.
    auto* const data = const_cast<std::uint8_t*>(file.bytes().data() + at);
    flat.narrow(0, first, count).copy_(at::from_blob(data, {count}, at::TensorOptions().dtype(stored)));
    file.let_go(at, static_cast<std::size_t>(count * size));
  }
}

}  // namespace energy_lens
