// Keys and values of a head as attention by blocks reads them. Included after row_pairs-inl.h: hence no guard.
#include "energy_lens/kernels/torch_free/block_dot-inl.h"
#include "energy_lens/kernels/torch_free/block_turn-inl.h"

EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr std::int64_t kThree = 3;  // products of two factors in two parts each

// Left-hand factors. A key's row is [rounded | left | rounded], each as wide as a head, filled with zeros to whole
// steps. A value's column, of kKeys keys, is a row [left | rounded | rounded]; a block of keys has a row for each
// column.
struct BlockHead {
  BlockHead(const HeadAttention& head, float* scratch)
      : steps(StepsOf(head.width)),
        first_block(BlocksSeen(head, 0, head.queries).first),
        blocks(BlocksSeen(head, 0, head.queries).end - first_block),
        keys(reinterpret_cast<std::uint16_t*>(scratch)),
        values(keys + blocks * kKeys * KeyStride()),
        rest(reinterpret_cast<float*>(values + blocks * Columns() * kValueStride)) {}

  static constexpr std::int64_t kValueStride = kThree * kKeys;
  std::int64_t KeyStride() const { return kThree * Columns(); }
  std::int64_t Columns() const { return steps * kStepTerms; }
  std::uint16_t* Keys(std::int64_t block) const { return keys + (block - first_block) * kKeys * KeyStride(); }
  std::uint16_t* Values(std::int64_t block) const { return values + (block - first_block) * Columns() * kValueStride; }

  std::int64_t steps, first_block, blocks;
  std::uint16_t *keys, *values;
  float* rest;  // of the working memory
};

// A row of numbers in two parts, zeros from its width to `columns`.
HWY_INLINE void SplitRow(const float* from, std::int64_t width, std::int64_t columns, std::uint16_t* rounded,
                         std::uint16_t* left) {
  const F f;
  const hn::Rebind<std::uint16_t, U> half;
  HWY_ALIGN float numbers[kLanes];
  for (std::int64_t d = 0; d < columns; d += kLanes) {
    const V x = d < width ? LoadEnd(from, d, width) : hn::Zero(f);
    hn::Store(x, f, numbers);
    RoundNumbers(numbers, kLanes, rounded + d);
    const VU high = hn::ShiftLeft<16>(hn::PromoteTo(U(), hn::LoadU(half, rounded + d)));
    hn::Store(hn::Sub(x, hn::BitCast(f, high)), f, numbers);
    RoundNumbers(numbers, kLanes, left + d);
  }
}

void SplitKeys(const HeadAttention& head, const BlockHead& packed, std::int64_t block, std::int64_t count) {
  const std::int64_t columns = packed.Columns();
  for (std::int64_t j = 0; j < kKeys; ++j) {
    std::uint16_t* const to = packed.Keys(block) + j * packed.KeyStride();
    SplitRow(head.k.values + (block * kKeys + j) * head.k.stride, j < count ? head.width : 0, columns, to,
             to + columns);
    std::copy_n(to, columns, to + 2 * columns);
  }
}

void SplitValues(const HeadAttention& head, const BlockHead& packed, std::int64_t block, std::int64_t count,
                 std::uint16_t* parts) {
  const std::int64_t columns = packed.Columns();
  std::uint16_t* const left = parts + kKeys * columns;
  for (std::int64_t j = 0; j < kKeys; ++j) {
    SplitRow(head.v.values + (block * kKeys + j) * head.v.stride, j < count ? head.width : 0, columns,
             parts + j * columns, left + j * columns);
  }
  for (std::int64_t d = 0; d < columns; d += kBlockRows) {
    std::uint16_t* const to = packed.Values(block) + d * BlockHead::kValueStride;
    for (std::int64_t j = 0; j < kKeys; j += kStepTerms) {
      TurnSquare(left + j * columns + d, columns, to + j, BlockHead::kValueStride);
      TurnSquare(parts + j * columns + d, columns, to + kKeys + j, BlockHead::kValueStride);
    }
    for (int r = 0; r < kBlockRows; ++r) {
      std::uint16_t* const row = to + r * BlockHead::kValueStride;
      std::copy_n(row + kKeys, kKeys, row + 2 * kKeys);
    }
  }
}

// to [columns, rows] = from [rows, columns], rows of both as far apart as their strides say.
void TurnRows(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* to,
              std::int64_t to_stride) {
  std::int64_t turned_rows = 0, turned_columns = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::Full128<float> f;
  turned_rows = rows / 4 * 4;
  turned_columns = columns / 4 * 4;
  for (std::int64_t r = 0; r < turned_rows; r += 4) {
    for (std::int64_t c = 0; c < turned_columns; c += 4) {
      const float* const at = from + r * stride + c;
      StoreTurned(f, hn::LoadU(f, at), hn::LoadU(f, at + stride), hn::LoadU(f, at + 2 * stride),
                  hn::LoadU(f, at + 3 * stride), to + c * to_stride + r, to_stride);
    }
  }
#endif
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = r < turned_rows ? turned_columns : 0; c < columns; ++c) {
      to[c * to_stride + r] = from[r * stride + c];
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
