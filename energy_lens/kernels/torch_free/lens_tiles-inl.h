// One instruction set's LensTiles. Included once a target by lens_tiles.cpp, and once by lens_tiles_generic.cpp.
#if defined(ENERGY_LENS_LENS_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_LENS_TILES_INL_H_
#undef ENERGY_LENS_LENS_TILES_INL_H_
#else
#define ENERGY_LENS_LENS_TILES_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "energy_lens/kernels/torch_free/lens_tiles.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using F = hn::CappedTag<float, 16>;
using I = hn::RebindToSigned<F>;
using V = hn::Vec<F>;

constexpr int kLanes = static_cast<int>(hn::MaxLanes(F()));
// Register tiles: 6 x 2 of 16 registers, 12 x 2 or 6 x 4 of 32.
#if HWY_ARCH_ARM_A64
constexpr int kVectors = 4, kTile = 6;
#elif HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 2, kTile = 12;
#else
constexpr int kVectors = 2, kTile = 6;
#endif
// Register tiles must not become loops over memory.
#define EL_UNROLL _Pragma("GCC unroll 16")
constexpr int kGroup = kLanes * kVectors;
static_assert(kGroup <= kMostLanes);

// Copies kTile numbers; may write up to a vector more, which the next row's copy or the block's spare end takes.
HWY_INLINE void CopyTile(const float* from, float* to) {
  const F f;
  for (int i = 0; i < kTile; i += kLanes) hn::StoreU(hn::LoadU(f, from + i), f, to + i);
}
HWY_INLINE void CopyTile(const hwy::bfloat16_t* from, float* to) {
  const F f;
  const hn::Rebind<hwy::bfloat16_t, F> half;
  for (int i = 0; i < kTile; i += kLanes) hn::StoreU(hn::PromoteTo(f, hn::LoadU(half, from + i)), f, to + i);
}
HWY_INLINE float Widened(float x) { return x; }
HWY_INLINE float Widened(hwy::bfloat16_t x) { return hwy::F32FromBF16(x); }

// The columns from `begin` on, whose tile would read past the row.
template <class T>
HWY_INLINE void PackEnd(const T* row, std::int64_t begin, const LensPanel& panel, std::int64_t width, float* to) {
  for (std::int64_t d = begin; d < panel.blocks * kTile; ++d) {
    to[d / kTile * panel.block_stride + d % kTile] = d < width ? Widened(row[d]) : 0.0f;
  }
}

template <class T>
HWY_INLINE void PackRows(const T* values, const LensMatrix& w, const LensPanel& panel, float* packed) {
  constexpr std::int64_t kAtOnce = 8, kReach = (kTile + kLanes - 1) / kLanes * kLanes;
  const std::int64_t whole = w.width < kReach ? 0 : (w.width - kReach) / kTile + 1;
  for (std::int64_t begin = 0; begin < panel.count; begin += kAtOnce) {
    const std::int64_t end = std::min(begin + kAtOnce, panel.count);
    for (std::int64_t b = 0; b < whole; ++b) {
      float* const to = packed + b * panel.block_stride;
      for (std::int64_t v = begin; v < end; ++v) {
        CopyTile(values + (panel.first + v) * w.stride + b * kTile, to + v * kTile);
      }
    }
    for (std::int64_t v = begin; v < end; ++v) {
      PackEnd(values + (panel.first + v) * w.stride, whole * kTile, panel, w.width, packed + v * kTile);
    }
  }
  for (std::int64_t b = 0; b < panel.blocks && panel.count < panel.padded; ++b) {
    std::fill_n(packed + b * panel.block_stride + panel.count * kTile, (panel.padded - panel.count) * kTile, 0.0f);
  }
}

void Pack(const LensMatrix& w, const LensPanel& panel, float* packed) {
  if (w.bfloat16) {
    PackRows(static_cast<const hwy::bfloat16_t*>(w.values), w, panel, packed);
  } else {
    PackRows(static_cast<const float*>(w.values), w, panel, packed);
  }
}

// A tile of sums in registers; [kTile, kGroup] in memory.
using TileSums = V[kTile][kVectors];

HWY_INLINE void LoadTile(const float* HWY_RESTRICT from, TileSums& sum) {
  const F f;
  EL_UNROLL
  for (int i = 0; i < kTile; ++i) {
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::Load(f, from + i * kGroup + k * kLanes);
  }
}

HWY_INLINE void LoadRescaledTile(const float* HWY_RESTRICT from, const float* HWY_RESTRICT rescale, TileSums& sum) {
  const F f;
  LoadTile(from, sum);
  EL_UNROLL
  for (int i = 0; i < kTile; ++i) {
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::Mul(sum[i][k], hn::Load(f, rescale + k * kLanes));
  }
}

HWY_INLINE void StoreTile(const TileSums& sum, float* HWY_RESTRICT to) {
  const F f;
  EL_UNROLL
  for (int i = 0; i < kTile; ++i) {
    EL_UNROLL
    for (int k = 0; k < kVectors; ++k) hn::Store(sum[i][k], f, to + i * kGroup + k * kLanes);
  }
}

HWY_INLINE void FetchLine(const float* line) { __builtin_prefetch(line, /*write=*/0, /*locality=*/2); }
constexpr int kLine = 16;  // numbers

// Columns whose part of y [.., kGroup] stays in a 32 KB first-level cache.
constexpr std::int64_t kNearBlocks = 24 * 1024 / (4 * kGroup * kTile);

// logits [padded, kGroup] += the products over blocks [begin, end).
HWY_INLINE void MultiplyBlocks(const LensPanel& panel, std::int64_t begin, std::int64_t end,
                               const float* HWY_RESTRICT y, const float* next, float* HWY_RESTRICT logits) {
  const F f;
  // This call's share of `next`, a few lines with every block until they are through.
  const float* const fetch_end = next + end * kTile * kGroup;
  const float* fetch = next + begin * kTile * kGroup;
  for (std::int64_t v = 0; v < panel.padded; v += kTile, logits += kTile * kGroup) {
    TileSums sum;
    LoadTile(logits, sum);
    const float* HWY_RESTRICT a = panel.packed + begin * panel.block_stride + v * kTile;
    const float* HWY_RESTRICT b = y + begin * kTile * kGroup;
    for (std::int64_t block = begin; block < end; ++block, a += panel.block_stride) {
      if (fetch < fetch_end) {
        FetchLine(fetch);
        fetch += kLine;
      }
      EL_UNROLL
      for (int j = 0; j < kTile; ++j, b += kGroup) {
        V right[kVectors];
        EL_UNROLL
        for (int k = 0; k < kVectors; ++k) right[k] = hn::Load(f, b + k * kLanes);
        EL_UNROLL
        for (int i = 0; i < kTile; ++i) {
          const V left = hn::Set(f, a[i * kTile + j]);
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
    for (int k = 0; k < kGroup; k += kLanes) hn::Store(hn::Set(f, panel.bias[v]), f, logits + v * kGroup + k);
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
  for (std::int64_t block = 0; block < panel.blocks; ++block, o += kTile * kGroup, next += kTile * kGroup) {
    for (int line = 0; line < kTile * kGroup; line += kLine) FetchLine(next + line);
    TileSums sum;
    LoadRescaledTile(o, rescale, sum);
    const float* HWY_RESTRICT a = panel.packed + block * panel.block_stride;
    const float* HWY_RESTRICT b = weights;
    for (std::int64_t v = 0; v < panel.count; ++v, a += kTile, b += kGroup) {
      V right[kVectors];
      EL_UNROLL
      for (int k = 0; k < kVectors; ++k) right[k] = hn::Load(f, b + k * kLanes);
      EL_UNROLL
      for (int i = 0; i < kTile; ++i) {
        const V left = hn::Set(f, a[i]);
        EL_UNROLL
        for (int k = 0; k < kVectors; ++k) sum[i][k] = hn::MulAdd(left, right[k], sum[i][k]);
      }
    }
    StoreTile(sum, o);
  }
}

HWY_INLINE V Capped(V z, float cap) {
  const F f;
  return hn::Mul(hn::Set(f, cap), hn::Tanh(f, hn::Div(z, hn::Set(f, cap))));
}

void TargetLogits(std::int64_t padded_width, const float* rows, const float* y, float cap, float* out) {
  const F f;
  for (int k = 0; k < kGroup; k += kLanes) {
    V sum = hn::Load(f, out + k);
    for (std::int64_t d = 0; d < padded_width; ++d) {
      sum = hn::MulAdd(hn::Load(f, rows + d * kGroup + k), hn::Load(f, y + d * kGroup + k), sum);
    }
    hn::Store(cap == 0.0f ? sum : Capped(sum, cap), f, out + k);
  }
}

void Cap(std::int64_t size, float cap, float* logits) {
  const F f;
  for (std::int64_t i = 0; i < size; i += kLanes) hn::Store(Capped(hn::Load(f, logits + i), cap), f, logits + i);
}

void Slope(std::int64_t size, float cap, const float* logits, float* weights) {
  const F f;
  const V inverse = hn::Set(f, 1.0f / cap), one = hn::Set(f, 1.0f);
  for (std::int64_t i = 0; i < size; i += kLanes) {
    const V part = hn::Mul(hn::Load(f, logits + i), inverse);
    hn::Store(hn::Mul(hn::Load(f, weights + i), hn::NegMulAdd(part, part, one)), f, weights + i);
  }
}

// Sums of at most this many terms are kept apart before they are added up: rounding then grows with 12 + count / 12
// terms instead of count.
constexpr std::int64_t kShortSum = 12;

// [lanes] in fp32 -> added to fp64.
HWY_INLINE void AddLanes(V sum, double* to) {
  const F f;
  HWY_ALIGN float lanes[kLanes];
  hn::Store(sum, f, lanes);
  for (int r = 0; r < kLanes; ++r) to[r] += static_cast<double>(lanes[r]);
}

HWY_INLINE void AddDifferences(const LensPanel& panel, const float* logits, int k, LensSums& sums) {
  const F f;
  const V target = hn::LoadU(f, sums.target_logit + k);
  V total = hn::Zero(f);
  for (std::int64_t begin = 0; begin < panel.count; begin += kShortSum) {
    V part = hn::Zero(f);
    for (std::int64_t v = begin; v < std::min(begin + kShortSum, panel.count); ++v) {
      part = hn::Add(part, hn::Sub(hn::Load(f, logits + v * kGroup + k), target));
    }
    total = hn::Add(total, part);
  }
  AddLanes(total, sums.differences + k);
}

HWY_INLINE void AddContrast(const LensPanel& panel, const LensFinal& last, const float* logits, int k, LensSums& sums) {
  const F f;
  const V target = hn::LoadU(f, sums.target_logit + k), last_target = hn::LoadU(f, last.sums->target_logit + k);
  V total = hn::Zero(f);
  for (std::int64_t begin = 0; begin < panel.count; begin += kShortSum) {
    V part = hn::Zero(f);
    for (std::int64_t v = begin; v < std::min(begin + kShortSum, panel.count); ++v) {
      const std::int64_t at = v * kGroup + k;
      const V there = hn::Sub(hn::Load(f, last.logits + at), last_target);
      const V difference = hn::Sub(there, hn::Sub(hn::Load(f, logits + at), target));
      part = hn::MulAdd(hn::Load(f, last.weights + at), difference, part);
    }
    total = hn::Add(total, part);
  }
  for (int r = k; r < k + kLanes; ++r) sums.contrast[r] *= last.sums->shrink[r];
  AddLanes(total, sums.contrast + k);
}

HWY_INLINE void HideTargets(const LensPanel& panel, const LensSums& sums, float* logits) {
  for (int r = 0; r < kGroup; ++r) {
    const std::int64_t at = sums.target[r] - panel.first;
    if (at >= 0 && at < panel.count) logits[at * kGroup + r] = -std::numeric_limits<float>::infinity();
  }
}

// Entries come in ascending id, so that an equal logit never displaces an earlier one.
inline void KeepLargest(const LensPanel& panel, const float* logits, int r, LensSums& sums) {
  float* const values = sums.kept_values + r * sums.kept;
  std::int32_t* const ids = sums.kept_ids + r * sums.kept;
  const std::int64_t last = sums.kept - 1;
  for (std::int64_t v = 0; v < panel.count; ++v) {
    const float z = logits[v * kGroup + r];
    if (!(z > values[last])) continue;
    const std::int64_t at = std::upper_bound(values, values + last, z, std::greater<float>()) - values;
    std::copy_backward(values + at, values + last, values + last + 1);
    std::copy_backward(ids + at, ids + last, ids + last + 1);
    values[at] = z;
    ids[at] = static_cast<std::int32_t>(panel.first + v);
  }
}

// Raises m to the panel's largest logit; the sums so far shrink with it.
HWY_INLINE void Rebase(const LensPanel& panel, const float* logits, int k, LensSums& sums) {
  const F f;
  V best = hn::Set(f, -std::numeric_limits<float>::infinity());
  for (std::int64_t v = 0; v < panel.count; ++v) best = hn::Max(best, hn::Load(f, logits + v * kGroup + k));
  HWY_ALIGN float panel_best[kLanes];
  hn::Store(best, f, panel_best);
  for (int r = 0; r < kLanes; ++r) {
    if (panel_best[r] > sums.kept_values[(k + r + 1) * sums.kept - 1]) KeepLargest(panel, logits, k + r, sums);
    const double rise = std::max(0.0, static_cast<double>(panel_best[r]) - sums.largest[k + r]);
    sums.largest[k + r] = std::max(panel_best[r], sums.largest[k + r]);
    const double shrink = rise == 0.0 ? 1.0 : std::exp(-rise);
    sums.weighted[k + r] = shrink * (sums.weighted[k + r] - rise * sums.others[k + r]);
    sums.others[k + r] *= shrink;
    sums.shrink[k + r] = shrink;
    sums.rescale[k + r] = static_cast<float>(shrink);
  }
}

// Below e^-200 everything is 0 in fp32; the bound keeps 0 * (z - m) from being 0 * infinity.
constexpr float kLowest = -200.0f;

HWY_INLINE void Weigh(const LensPanel& panel, int k, LensSums& sums, float* logits) {
  const F f;
  const I i;
  const V m = hn::LoadU(f, sums.largest + k), target = hn::LoadU(f, sums.target_logit + k), low = hn::Set(f, kLowest);
  const auto target_id = hn::LoadU(i, sums.target + k);
  auto rank = hn::LoadU(i, sums.rank + k);
  V others = hn::Zero(f), weighted = hn::Zero(f);
  for (std::int64_t begin = 0; begin < panel.count; begin += kShortSum) {
    V part = hn::Zero(f), weighted_part = hn::Zero(f);
    for (std::int64_t v = begin; v < std::min(begin + kShortSum, panel.count); ++v) {
      float* const at = logits + v * kGroup + k;
      const V z = hn::Load(f, at), x = hn::Max(hn::Sub(z, m), low), p = hn::Exp(f, x);
      const auto earlier = hn::RebindMask(f, hn::Gt(target_id, hn::Set(i, static_cast<std::int32_t>(panel.first + v))));
      const auto before = hn::Or(hn::Gt(z, target), hn::And(hn::Eq(z, target), earlier));
      rank = hn::Sub(rank, hn::VecFromMask(i, hn::RebindMask(i, before)));
      part = hn::Add(part, p);
      weighted_part = hn::MulAdd(p, x, weighted_part);
      hn::Store(p, f, at);
    }
    others = hn::Add(others, part);
    weighted = hn::Add(weighted, weighted_part);
  }
  hn::StoreU(hn::Add(rank, hn::Zero(i)), i, sums.rank + k);
  AddLanes(others, sums.others + k);
  AddLanes(weighted, sums.weighted + k);
}

void Measure(const LensPanel& panel, const LensFinal& last, LensSums& sums, float* logits) {
  for (int k = 0; k < kGroup; k += kLanes) {
    AddDifferences(panel, logits, k, sums);
    if (last.sums != nullptr) AddContrast(panel, last, logits, k, sums);
  }
  HideTargets(panel, sums, logits);
  for (int k = 0; k < kGroup; k += kLanes) {
    Rebase(panel, logits, k, sums);
    Weigh(panel, k, sums, logits);
  }
}

const LensTiles& TilesOfTarget() {
  static const LensTiles tiles = {hwy::TargetName(HWY_TARGET),
                                  kGroup,
                                  kTile,
                                  kTile,
                                  nullptr,
                                  Pack,
                                  Multiply,
                                  TargetLogits,
                                  Cap,
                                  Measure,
                                  Slope,
                                  Accumulate};
  return tiles;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
