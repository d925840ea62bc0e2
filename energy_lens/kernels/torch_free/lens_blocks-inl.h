// LensTiles for bf16 weights by products of blocks (block_dot-inl.h), rounding as lens_pairs-inl.h does. Included after
// it, and only for targets that have blocks: hence no include guard.
#include "energy_lens/kernels/torch_free/block_dot-inl.h"
#include "energy_lens/kernels/torch_free/block_turn-inl.h"

EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

static_assert(kGroup == kBlockColumns);

constexpr std::int64_t kBlockNumbers = kBlockRows * kStepTerms;  // of a step of a left-hand factor
static_assert(kBlockRows == kStepTerms, "both packings have the same size");

// One panel's two packings in squares of 32 x 32 numbers: rows of W_U for multiply, a square of columns after the
// other; columns of W_U for accumulate, a square of rows after the other.
struct BlockPanel {
  BlockPanel(const LensPanel& panel, const float* packed)
      : rows(reinterpret_cast<const std::uint16_t*>(packed)),
        columns(rows + panel.padded * panel.blocks * kStepTerms),
        row_squares(panel.blocks),
        column_squares(panel.padded / kBlockRows) {}
  const std::uint16_t *rows, *columns;
  std::int64_t row_squares, column_squares;  // of one row of squares
};

// One row of W_U cut into the rows of squares, zeros beyond its width.
HWY_INLINE void CutRow(const std::uint16_t* row, std::int64_t width, std::int64_t squares, std::uint16_t* to) {
  for (std::int64_t c = 0; c < squares; ++c, to += kBlockNumbers) {
    const std::int64_t count = std::clamp<std::int64_t>(width - c * kStepTerms, 0, kStepTerms);
    if (count == kStepTerms) {
      std::memcpy(to, row + c * kStepTerms, 2 * kStepTerms);
    } else {
      std::fill_n(std::copy_n(row + c * kStepTerms, count, to), kStepTerms - count, std::uint16_t{0});
    }
  }
}

void PackBlocks(const LensMatrix& w, const LensPanel& panel, float* packed) {
  const BlockPanel at(panel, packed);
  auto* const rows = reinterpret_cast<std::uint16_t*>(packed);
  std::uint16_t* const columns = rows + (at.columns - at.rows);
  const auto* const from = static_cast<const std::uint16_t*>(w.values) + panel.first * w.stride;
  for (std::int64_t square = 0; square < at.column_squares; ++square) {
    std::uint16_t* const as_is = rows + square * at.row_squares * kBlockNumbers;
    for (std::int64_t r = 0; r < kBlockRows; ++r) {  // row after row: the processor then reads ahead by itself
      const std::int64_t v = square * kBlockRows + r;
      CutRow(from + v * w.stride, v < panel.count ? w.width : 0, at.row_squares, as_is + r * kStepTerms);
    }
    for (std::int64_t c = 0; c < at.row_squares; ++c) {
      const std::uint16_t* const square_of = as_is + c * kBlockNumbers;
      std::uint16_t* const turned = columns + (c * at.column_squares + square) * kBlockNumbers;
      TurnSquare(square_of, kStepTerms, turned, kStepTerms);
    }
  }
}

// Sums come and go once a panel, so that it is as high as a second-level cache of 2 MB takes beside a group's rows and
// sums; packing it costs as much as about 60 rows' products.
constexpr std::int64_t kBlockPanelBytes = 768 * 1024, kBlockUsefulRows = 2048;

// logits [padded, kGroup] (+)= the products of steps [begin, end), which stay near while all rows of W_U meet them.
template <int kParts, class Meanwhile>
HWY_INLINE void MultiplyNear(const BlockPanel& packed, bool start, std::int64_t begin, std::int64_t end, const float* y,
                             float* logits, Meanwhile& meanwhile) {
  const auto* const pairs = reinterpret_cast<const std::uint32_t*>(y) + begin * kStepPairs * kGroup;
  const std::int64_t part = packed.row_squares * kStepPairs * kGroup;
  for (std::int64_t r = 0; r < packed.column_squares; ++r, logits += kBlockRows * kGroup) {
    const BlockRows left{packed.rows + (r * packed.row_squares + begin) * kBlockNumbers, 2 * kStepTerms,
                         2 * kBlockNumbers};
    for (int p = 0; p < kParts; ++p) {
      if (start && p == 0) {
        MultiplyBlock<false>(left, pairs, end - begin, logits, kGroup, meanwhile);
      } else {
        MultiplyBlock<true>(left, pairs + p * part, end - begin, logits, kGroup, meanwhile);
      }
    }
  }
}

template <int kParts>
void MultiplyByBlocks(const LensPanel& panel, const float* y, const float* next, float* logits) {
  const BlockRegisters registers;
  const BlockPanel packed(panel, panel.packed);
  const std::int64_t calls = packed.row_squares * packed.column_squares * kParts;
  Ahead rows(next, 0, 4 * packed.row_squares * kStepTerms * kGroup, 1, calls);
  Ahead weights(panel.ahead, 0, panel.ahead_bytes, 1, calls);
  auto meanwhile = [&] {
    rows();
    weights();
  };
  if (panel.bias != nullptr) StartFromBias(panel, logits);
  for (std::int64_t begin = 0; begin < packed.row_squares; begin += kNearSteps) {
    const std::int64_t end = std::min(begin + kNearSteps, packed.row_squares);
    MultiplyNear<kParts>(packed, begin == 0 && panel.bias == nullptr, begin, end, y, logits, meanwhile);
  }
}

template <int kParts>
void TargetLogitsByBlocks(std::int64_t padded_width, const float* rows, const float* y, float cap, float* out) {
  const BlockRegisters registers;  // for what it makes of the smallest numbers
  const auto* const pairs = reinterpret_cast<const std::uint32_t*>(y);
  const std::int64_t steps = padded_width / kStepTerms, part = padded_width / 2 * kGroup;
  for (int k = 0; k < kGroup; k += kLanes) {
    V sum = hn::Load(F(), out + k);
    for (std::int64_t begin = 0; begin < steps; begin += kNearSteps) {
      for (int p = 0; p < kParts; ++p) {
        for (std::int64_t step = begin; step < std::min(begin + kNearSteps, steps); ++step) {
          const std::int64_t first = step * kStepPairs * kGroup + k;
          sum = AddStep(
              sum,
              [&](int j) {
                const float* const at = rows + 2 * (first - k + j * kGroup) + k;
                return Paired(hn::Load(F(), at), hn::Load(F(), at + kGroup));
              },
              [&](int j) { return hn::Load(U(), pairs + p * part + first + j * kGroup); });
        }
      }
    }
    hn::Store(cap == 0.0f ? sum : Capped(sum, cap), F(), out + k);
  }
}

HWY_INLINE void RescaleBlock(const float* HWY_RESTRICT rescale, float* HWY_RESTRICT o) {
  V by[kVectors];
  EL_UNROLL for (int k = 0; k < kVectors; ++k) by[k] = hn::Load(F(), rescale + k * kLanes);
  for (int d = 0; d < kBlockRows; ++d, o += kGroup) {
    EL_UNROLL for (int k = 0; k < kVectors; ++k) {
      hn::Store(hn::Mul(hn::Load(F(), o + k * kLanes), by[k]), F(), o + k * kLanes);
    }
  }
}

template <int kParts>
void AccumulateByBlocks(const LensPanel& panel, const float* weights, const float* rescale, const float* next,
                        float* o) {
  HWY_ALIGN std::uint32_t paired[kMostHeight / 2 * kGroup];
  PairWeights(panel.count, weights, paired);
  const std::int64_t pairs = (panel.count + 1) / 2;
  std::fill_n(paired + pairs * kGroup, (panel.padded / 2 - pairs) * kGroup, 0u);
  const BlockRegisters registers;
  const BlockPanel packed(panel, panel.packed);
  const bool same = SameScale(rescale);
  constexpr std::int64_t kNumbers = kBlockRows * kGroup;
  // What comes next is a group's rows, as many numbers as its sums have, or half of them where rows have one part.
  Ahead later(next, 0, 2 * kParts * packed.row_squares * kNumbers, 1, packed.row_squares * packed.column_squares);
  for (std::int64_t block = 0; block < packed.row_squares; ++block, o += kNumbers) {
    if (!same) RescaleBlock(rescale, o);
    Ahead sums(o + kNumbers, 0, 4 * kNumbers, 1, packed.column_squares);
    const auto ahead = [&] {
      sums();
      later();
    };
    const BlockRows left{packed.columns + block * packed.column_squares * kBlockNumbers, 2 * kStepTerms,
                         2 * kBlockNumbers};
    MultiplyBlock<true>(left, paired, packed.column_squares, o, kGroup, ahead);
  }
}

template <int kParts>
LensTiles MakeBlockTiles() {
  LensTiles made = PairTilesOfTarget(kParts == 1 ? LensRounding::Rows : LensRounding::None);
  made.name = EL_NATIVE_BLOCKS ? "AMX" : "AMX, emulated";
  made.tile = kBlockRows;
  made.columns = kStepTerms;
  made.panel_bytes = kBlockPanelBytes;
  made.most_height = kMostHeight;
  made.useful_rows = kBlockUsefulRows;
  made.pack = PackBlocks;
  made.multiply = MultiplyByBlocks<kParts>;
  made.target_logits = TargetLogitsByBlocks<kParts>;
  made.accumulate = AccumulateByBlocks<kParts>;
  return made;
}

const LensTiles& BlockTilesOfTarget(LensRounding rounding) {
  static const LensTiles precise = MakeBlockTiles<2>(), rounded = MakeBlockTiles<1>();
  return rounding == LensRounding::Rows ? rounded : precise;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
