// Both products of the lens with a packed panel of W_U: logits, and the softmax's mean of its rows.
#if defined(ENERGY_LENS_LENS_PANEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_LENS_PANEL_INL_H_
#undef ENERGY_LENS_LENS_PANEL_INL_H_
#else
#define ENERGY_LENS_LENS_PANEL_INL_H_
#endif

#include <algorithm>

#include "energy_lens/kernels/torch_free/lens_tiles.h"
#include "energy_lens/kernels/torch_free/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr int kGroup = kLanes * kVectors;
static_assert(kGroup <= kMostLanes);
constexpr std::int64_t kPanelBytes = 192 * 1024, kTallest = 192;
// Packing a panel costs about as much as 8 rows' products.
constexpr std::int64_t kUsefulRows = 512;

// Copies kTileRows numbers; may write up to a vector more, which the next row's copy or the block's spare end takes.
HWY_INLINE void CopyTile(const float* from, float* to) {
  const F f;
  for (int i = 0; i < kTileRows; i += kLanes) hn::StoreU(hn::LoadU(f, from + i), f, to + i);
}
HWY_INLINE void CopyTile(const hwy::bfloat16_t* from, float* to) {
  const F f;
  const hn::Rebind<hwy::bfloat16_t, F> half;
  for (int i = 0; i < kTileRows; i += kLanes) hn::StoreU(hn::PromoteTo(f, hn::LoadU(half, from + i)), f, to + i);
}

// The columns from `begin` on, whose tile would read past the row.
template <class T>
HWY_INLINE void PackEnd(const T* row, std::int64_t begin, const LensPanel& panel, std::int64_t width, float* to) {
  for (std::int64_t d = begin; d < panel.blocks * kTileRows; ++d) {
    to[d / kTileRows * panel.block_stride + d % kTileRows] = d < width ? Widened(row[d]) : 0.0f;
  }
}

template <class T>
HWY_INLINE void PackRows(const T* values, const LensMatrix& w, const LensPanel& panel, float* packed) {
  constexpr std::int64_t kAtOnce = 8, kReach = (kTileRows + kLanes - 1) / kLanes * kLanes;
  const std::int64_t whole = w.width < kReach ? 0 : (w.width - kReach) / kTileRows + 1;
  for (std::int64_t begin = 0; begin < panel.count; begin += kAtOnce) {
    const std::int64_t end = std::min(begin + kAtOnce, panel.count);
    for (std::int64_t b = 0; b < whole; ++b) {
      float* const to = packed + b * panel.block_stride;
      for (std::int64_t v = begin; v < end; ++v) {
        CopyTile(values + (panel.first + v) * w.stride + b * kTileRows, to + v * kTileRows);
      }
    }
    for (std::int64_t v = begin; v < end; ++v) {
      PackEnd(values + (panel.first + v) * w.stride, whole * kTileRows, panel, w.width, packed + v * kTileRows);
    }
  }
  for (std::int64_t b = 0; b < panel.blocks && panel.count < panel.padded; ++b) {
    std::fill_n(packed + b * panel.block_stride + panel.count * kTileRows, (panel.padded - panel.count) * kTileRows,
                0.0f);
  }
}

void Pack(const LensMatrix& w, const LensPanel& panel, float* packed) {
  if (w.bfloat16) {
    PackRows(static_cast<const hwy::bfloat16_t*>(w.values), w, panel, packed);
  } else {
    PackRows(static_cast<const float*>(w.values), w, panel, packed);
  }
}

// A tile of sums in registers; [kTileRows, kGroup] in memory.
using TileSums = V[kTileRows][kVectors];

HWY_INLINE void LoadTile(const float* HWY_RESTRICT from, TileSums& sum) {
  const F f;
  EL_UNROLL
  for (int i = 0; i < kTileRows; ++i) {
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::Load(f, from + i * kGroup + k * kLanes);
  }
}

HWY_INLINE void RescaleTile(const float* HWY_RESTRICT rescale, TileSums& sum) {
  const F f;
  EL_UNROLL
  for (int i = 0; i < kTileRows; ++i) {
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::Mul(sum[i][k], hn::Load(f, rescale + k * kLanes));
  }
}

// Whether all of [kGroup] is 1, as it is once the largest logits have gone by.
HWY_INLINE bool SameScale(const float* rescale) {
  return std::all_of(rescale, rescale + kGroup, [](float x) { return x == 1.0f; });
}

HWY_INLINE void StoreTile(const TileSums& sum, float* HWY_RESTRICT to) {
  const F f;
  EL_UNROLL
  for (int i = 0; i < kTileRows; ++i) {
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) hn::Store(sum[i][k], f, to + i * kGroup + k * kLanes);
  }
}

HWY_INLINE void FetchLine(const float* line) { __builtin_prefetch(line, /*write=*/0, /*locality=*/2); }
constexpr int kLine = 16;  // numbers

// A line of the tile of `o` that comes after this one, and a line of what comes after all of `o`.
HWY_INLINE void FetchTiles(std::int64_t line, const float* o, const float* next) {
  if (line * kLine >= kTileRows * kGroup) return;
  __builtin_prefetch(o + kTileRows * kGroup + line * kLine, /*write=*/1, /*locality=*/3);
  FetchLine(next + line * kLine);
}

// Columns whose part of y [.., kGroup] stays in a 32 KB first-level cache.
constexpr std::int64_t kNearBlocks = 24 * 1024 / (4 * kGroup * kTileRows);

// logits [padded, kGroup] += the products over blocks [begin, end).
HWY_INLINE void MultiplyBlocks(const LensPanel& panel, std::int64_t begin, std::int64_t end,
                               const float* HWY_RESTRICT y, const float* next, float* HWY_RESTRICT logits) {
  const F f;
  // This call's share of `next`, a few lines with every block until they are through.
  const float* const fetch_end = next + end * kTileRows * kGroup;
  const float* fetch = next + begin * kTileRows * kGroup;
  for (std::int64_t v = 0; v < panel.padded; v += kTileRows, logits += kTileRows * kGroup) {
    TileSums sum;
    LoadTile(logits, sum);
    const float* HWY_RESTRICT a = panel.packed + begin * panel.block_stride + v * kTileRows;
    const float* HWY_RESTRICT b = y + begin * kTileRows * kGroup;
    for (std::int64_t block = begin; block < end; ++block, a += panel.block_stride) {
      if (fetch < fetch_end) {
        FetchLine(fetch);
        fetch += kLine;
      }
      EL_UNROLL
      for (int j = 0; j < kTileRows; ++j, b += kGroup) {
        V right[kVectors];
        EL_UNROLL
        for (int k = 0; k < kVectors; ++k) right[k] = hn::Load(f, b + k * kLanes);
        EL_UNROLL
        for (int i = 0; i < kTileRows; ++i) {
          const V left = hn::Set(f, a[i * kTileRows + j]);
          EL_UNROLL
          for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::MulAdd(left, right[k], sum[i][k]);
        }
      }
    }
    StoreTile(sum, logits);
  }
}

HWY_INLINE void StartFromBias(const LensPanel& panel, float* logits) {
  const F f;
  for (std::int64_t v = 0; v < panel.padded; ++v) {
    const V bias = panel.bias == nullptr ? hn::Zero(f) : hn::Set(f, panel.bias[v]);
    for (int k = 0; k < kGroup; k += kLanes) hn::Store(bias, f, logits + v * kGroup + k);
  }
}

void Multiply(const LensPanel& panel, const float* HWY_RESTRICT y, const float* next, float* HWY_RESTRICT logits) {
  StartFromBias(panel, logits);
  for (std::int64_t begin = 0; begin < panel.blocks; begin += kNearBlocks) {
    MultiplyBlocks(panel, begin, std::min(begin + kNearBlocks, panel.blocks), y, next, logits);
  }
}

void Accumulate(const LensPanel& panel, const float* HWY_RESTRICT weights, const float* HWY_RESTRICT rescale,
                const float* next, float* HWY_RESTRICT o) {
  const F f;
  const bool same = SameScale(rescale);
  for (std::int64_t block = 0; block < panel.blocks; ++block, o += kTileRows * kGroup, next += kTileRows * kGroup) {
    TileSums sum;
    LoadTile(o, sum);
    if (!same) RescaleTile(rescale, sum);
    const float* HWY_RESTRICT a = panel.packed + block * panel.block_stride;
    const float* HWY_RESTRICT b = weights;
    for (std::int64_t v = 0; v < panel.count; ++v, a += kTileRows, b += kGroup) {
      FetchTiles(v, o, next);
      V right[kVectors];
      EL_UNROLL
      for (int k = 0; k < kVectors; ++k) right[k] = hn::Load(f, b + k * kLanes);
      EL_UNROLL
      for (int i = 0; i < kTileRows; ++i) {
        const V left = hn::Set(f, a[i]);
        EL_UNROLL
        for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::MulAdd(left, right[k], sum[i][k]);
      }
    }
    StoreTile(sum, o);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
