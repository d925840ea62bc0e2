// LensTiles for bf16 weights by products of pairs (pair_dot-inl.h). Rows y enter as the sum of kParts bf16 numbers: of
// two, so that logits keep 16 bits of y, or of one, which is faster and rounds y as the products of a bf16 model round
// their inputs. The softmax weights are rounded to bf16, whose errors average out over the vocabulary. Included after
// lens_tiles-inl.h, and only for targets that have pairs: hence no include guard.
#include <algorithm>
#include <cstring>

#include "energy_lens/kernels/torch_free/pair_dot-inl.h"

EL_BEFORE_PAIRS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// One panel's two packings: pairs of columns for multiply, then pairs of rows for accumulate.
struct PairPanel {
  explicit PairPanel(const LensPanel& panel, const float* packed)
      : columns(reinterpret_cast<const std::uint32_t*>(packed)),
        rows(columns + panel.blocks / 2 * panel.block_stride),
        row_stride(panel.block_stride / 2) {}
  const std::uint32_t* columns;  // [blocks / 2][padded][kTileRows], blocks block_stride apart
  const std::uint32_t* rows;     // [blocks][padded / 2][kTileRows], blocks row_stride apart
  std::int64_t row_stride;
};

// Columns [begin, begin + kTileRows) of two rows side by side, zeros beyond the width. May write up to a vector more,
// as CopyTile does.
HWY_INLINE void PairRowTile(const std::uint16_t* first, const std::uint16_t* second, std::int64_t begin,
                            std::int64_t width, std::uint32_t* HWY_RESTRICT to) {
  constexpr std::int64_t kReach = (kTileRows + kLanes - 1) / kLanes * kLanes;
  if (second == nullptr || begin + kReach > width) {
    for (std::int64_t i = begin; i < begin + kTileRows; ++i) {
      const std::uint32_t high = i < width && second != nullptr ? second[i] : 0;
      to[i - begin] = (i < width ? first[i] : 0u) | high << 16;
    }
    return;
  }
  for (std::int64_t i = 0; i < kReach; i += kLanes) {
    hn::StoreU(PairLanes(first + begin + i, second + begin + i), U(), to + i);
  }
}

// Two neighbouring bf16 numbers of a row are a pair as they lie (on little-endian processors).
HWY_INLINE void PairColumnTile(const std::uint16_t* row, std::int64_t begin, std::int64_t width, std::uint32_t* to) {
  constexpr std::int64_t kColumns = 2 * kTileRows;
  if (begin + kColumns <= width) {
    std::memcpy(to, row + begin, sizeof(std::uint16_t) * kColumns);
    return;
  }
  std::memset(to, 0, sizeof(std::uint16_t) * kColumns);
  if (begin < width) std::memcpy(to, row + begin, sizeof(std::uint16_t) * static_cast<std::size_t>(width - begin));
}

void PackPairs(const LensMatrix& w, const LensPanel& panel, float* packed) {
  const PairPanel pairs(panel, packed);
  auto* const columns = reinterpret_cast<std::uint32_t*>(packed);
  std::uint32_t* const rows = columns + (pairs.rows - pairs.columns);
  const auto* row = static_cast<const std::uint16_t*>(w.values) + panel.first * w.stride;
  for (std::int64_t v = 0; v < panel.padded; ++v, row += w.stride) {
    const std::int64_t width = v < panel.count ? w.width : 0;
    for (std::int64_t b = 0; b < panel.blocks / 2; ++b) {
      PairColumnTile(row, b * 2 * kTileRows, width, columns + b * panel.block_stride + v * kTileRows);
    }
    if (v % 2 == 1 || v >= panel.count) continue;
    const std::uint16_t* const next = v + 1 < panel.count ? row + w.stride : nullptr;
    for (std::int64_t b = 0; b < panel.blocks; ++b) {
      PairRowTile(row, next, b * kTileRows, w.width, rows + b * pairs.row_stride + v / 2 * kTileRows);
    }
  }
}

// y [D, kGroup] fp32 -> kParts times pairs of columns [D / 2, kGroup]: rounded, then what the rounding left.
template <int kParts>
void SplitRows(std::int64_t padded_width, float* scratch, float* y) {
  const F f;
  const U u;
  const std::int64_t part = padded_width / 2 * kGroup;
  auto* const to = reinterpret_cast<std::uint32_t*>(scratch);
  for (std::int64_t at = 0; at < part; at += kLanes) {
    const std::int64_t from = at / kGroup * 2 * kGroup + at % kGroup;
    const V first = hn::Load(f, y + from), second = hn::Load(f, y + from + kGroup);
    const TwoParts split = Split(first, second);
    hn::Store(split.rounded, u, to + at);
    if constexpr (kParts == 2) hn::Store(split.left, u, to + part + at);
  }
  std::copy_n(scratch, kParts * part, y);
}

template <int kParts>
HWY_INLINE void MultiplyPairBlocks(const LensPanel& panel, std::int64_t begin, std::int64_t end, const float* y,
                                   const float* next, float* HWY_RESTRICT logits) {
  const U u;
  const float* const fetch_end = next + 2 * end * kTileRows * kGroup;
  const float* fetch = next + 2 * begin * kTileRows * kGroup;
  const PairPanel pairs(panel, panel.packed);
  const std::int64_t part = panel.blocks / 2 * kTileRows * kGroup;
  for (std::int64_t v = 0; v < panel.padded; v += kTileRows, logits += kTileRows * kGroup) {
    TileSums sum;
    LoadTile(logits, sum);
    const std::uint32_t* HWY_RESTRICT a = pairs.columns + begin * panel.block_stride + v * kTileRows;
    const auto* HWY_RESTRICT b = reinterpret_cast<const std::uint32_t*>(y) + begin * kTileRows * kGroup;
    for (std::int64_t block = begin; block < end; ++block, a += panel.block_stride) {
      for (int line = 0; line < 2 && fetch < fetch_end; ++line, fetch += kLine) FetchLine(fetch);
      for (int j = 0; j < kTileRows; ++j, b += kGroup) {
        VU right[kParts][kVectors];
        EL_UNROLL
        for (int p = 0; p < kParts; ++p) {
          EL_UNROLL
          for (int k = 0; k < kVectors; ++k) right[p][k] = hn::Load(u, b + p * part + k * kLanes);
        }
        EL_UNROLL
        for (int i = 0; i < kTileRows; ++i) {
          const VU left = hn::Set(u, a[i * kTileRows + j]);
          EL_UNROLL
          for (int p = 0; p < kParts; ++p) {
            EL_UNROLL
            for (int k = 0; k < kVectors; ++k) sum[i][k] = PairDot(sum[i][k], left, right[p][k]);
          }
        }
      }
    }
    StoreTile(sum, logits);
  }
}

template <int kParts>
void MultiplyPairs(const LensPanel& panel, const float* y, const float* next, float* logits) {
  StartFromBias(panel, logits);
  constexpr std::int64_t kNear = std::max<std::int64_t>(1, kNearBlocks / kParts);
  for (std::int64_t begin = 0; begin < panel.blocks / 2; begin += kNear) {
    MultiplyPairBlocks<kParts>(panel, begin, std::min(begin + kNear, panel.blocks / 2), y, next, logits);
  }
}

template <int kParts>
void TargetLogitsPairs(std::int64_t padded_width, const float* rows, const float* y, float cap, float* out) {
  const F f;
  const U u;
  const auto* const pairs = reinterpret_cast<const std::uint32_t*>(y);
  const std::int64_t part = padded_width / 2 * kGroup;
  for (int k = 0; k < kGroup; k += kLanes) {
    V sum = hn::Load(f, out + k);
    for (std::int64_t pair = 0; pair < padded_width / 2; ++pair) {
      const float* const at = rows + 2 * pair * kGroup + k;
      const VU left = Paired(hn::Load(f, at), hn::Load(f, at + kGroup));
      for (int p = 0; p < kParts; ++p) {
        sum = PairDot(sum, left, hn::Load(u, pairs + p * part + pair * kGroup + k));
      }
    }
    hn::Store(cap == 0.0f ? sum : Capped(sum, cap), f, out + k);
  }
}

// weights [count, kGroup] -> pairs of rows; an odd last row is paired with zeros.
HWY_INLINE void PairWeights(std::int64_t count, const float* weights, std::uint32_t* pairs) {
  const F f;
  const U u;
  for (std::int64_t v = 0; v < count; v += 2, pairs += kGroup) {
    for (int k = 0; k < kGroup; k += kLanes) {
      const V first = hn::Load(f, weights + v * kGroup + k);
      const V second = v + 1 < count ? hn::Load(f, weights + (v + 1) * kGroup + k) : hn::Zero(f);
      hn::Store(Paired(first, second), u, pairs + k);
    }
  }
}

// sum += the products of `count` rows, paired, of a block [count / 2, kTileRows] with weights [count / 2, kGroup].
HWY_INLINE void AddPairedRows(std::int64_t count, const std::uint32_t* HWY_RESTRICT block,
                              const std::uint32_t* HWY_RESTRICT weights, const float* o, const float* next,
                              TileSums& sum) {
  const U u;
  for (std::int64_t v = 0; v < count; v += 2, block += kTileRows, weights += kGroup) {
    FetchTiles(v, o, next);
    FetchTiles(v + 1, o, next);
    VU right[kVectors];
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) right[k] = hn::Load(u, weights + k * kLanes);
    EL_UNROLL
    for (int i = 0; i < kTileRows; ++i) {
      const VU left = hn::Set(u, block[i]);
      EL_UNROLL
      for (int k = 0; k < kVectors; ++k) sum[i][k] = PairDot(sum[i][k], left, right[k]);
    }
  }
}

void AccumulatePairs(const LensPanel& panel, const float* weights, const float* rescale, const float* next,
                     float* HWY_RESTRICT o) {
  HWY_ALIGN std::uint32_t paired[kMostHeight / 2 * kGroup];
  PairWeights(panel.count, weights, paired);
  const PairPanel pairs(panel, panel.packed);
  const bool same = SameScale(rescale);
  for (std::int64_t block = 0; block < panel.blocks; ++block, o += kTileRows * kGroup, next += kTileRows * kGroup) {
    TileSums sum;
    LoadTile(o, sum);
    if (!same) RescaleTile(rescale, sum);
    AddPairedRows(panel.count, pairs.rows + block * pairs.row_stride, paired, o, next, sum);
    StoreTile(sum, o);
  }
}

template <int kParts>
LensTiles MakePairTiles() {
  LensTiles made = TilesOfTarget();
  made.name = EL_NATIVE_PAIRS ? "AVX512-BF16" : "bf16 pairs, emulated";
  made.columns = 2 * kTileRows;
  // Sums come and go once a panel, at the same rate as elsewhere, while products take half the time; and processors
  // with pairs have second-level caches of 1 MB and more.
  made.panel_bytes = 2 * kPanelBytes;
  made.row_rounding = kParts == 1 ? 0x1p-8 : 0x1p-17;
  made.ready = SplitRows<kParts>;
  made.pack = PackPairs;
  made.multiply = MultiplyPairs<kParts>;
  made.target_logits = TargetLogitsPairs<kParts>;
  made.accumulate = AccumulatePairs;
  return made;
}

const LensTiles& PairTilesOfTarget(LensRounding rounding) {
  static const LensTiles precise = MakePairTiles<2>(), rounded = MakePairTiles<1>();
  return rounding == LensRounding::Rows ? rounded : precise;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_PAIRS()
