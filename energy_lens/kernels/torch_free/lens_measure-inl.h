// What the lens sums over a panel's logits: softmax, differences, contrast with the last layer, ranks, the largest.
#if defined(ENERGY_LENS_LENS_MEASURE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_LENS_MEASURE_INL_H_
#undef ENERGY_LENS_LENS_MEASURE_INL_H_
#else
#define ENERGY_LENS_LENS_MEASURE_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "energy_lens/kernels/torch_free/exponential-inl.h"
#include "energy_lens/kernels/torch_free/lens_panel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

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

// Of equal logits those with lower ids come before the target; here where its own panel holds them, else in Weigh.
HWY_INLINE void HideTargets(const LensPanel& panel, LensSums& sums, float* logits) {
  for (int r = 0; r < kGroup; ++r) {
    const std::int64_t at = sums.target[r] - panel.first;
    if (at < 0 || at >= panel.count) continue;
    logits[at * kGroup + r] = -std::numeric_limits<float>::infinity();
    for (std::int64_t v = 0; v < at; ++v) sums.rank[r] += logits[v * kGroup + r] == sums.target_logit[r];
  }
}

// Puts a logit of lane r among the largest so far. Entries come in ascending id, so that an equal one never displaces
// an earlier one.
inline void Keep(float z, std::int32_t id, int r, LensSums& sums) {
  float* const values = sums.kept_values + r * sums.kept;
  std::int32_t* const ids = sums.kept_ids + r * sums.kept;
  const std::int64_t last = sums.kept - 1;
  const std::int64_t at = std::upper_bound(values, values + last, z, std::greater<float>()) - values;
  std::copy_backward(values + at, values + last, values + last + 1);
  std::copy_backward(ids + at, ids + last, ids + last + 1);
  values[at] = z;
  ids[at] = id;
}

// One entry's logits z, of which those of the lanes in `larger` exceed their smallest kept one, floor[r].
HWY_NOINLINE void KeepLargest(std::int64_t id, const float* z, std::uint64_t larger, int k, LensSums& sums,
                              float* floor) {
  for (; larger != 0; larger &= larger - 1) {
    const int r = std::countr_zero(larger);
    if (sums.target[k + r] == id) continue;
    Keep(z[r], static_cast<std::int32_t>(id), k + r, sums);
    floor[r] = sums.kept_values[(k + r + 1) * sums.kept - 1];
  }
}

HWY_INLINE std::uint64_t BitsOf(hn::Mask<F> mask) {
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(F(), mask, bytes);
  std::uint64_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

// Lanes [k, k + kLanes), targets included: differences from the target's logit are summed, the largest others kept.
// Returns the largest.
HWY_INLINE V Scan(const LensPanel& panel, const float* logits, int k, LensSums& sums) {
  const F f;
  const V target = hn::LoadU(f, sums.target_logit + k);
  V best = hn::Set(f, -std::numeric_limits<float>::infinity()), total = hn::Zero(f);
  HWY_ALIGN float floor[kLanes];
  for (int r = 0; r < kLanes; ++r) floor[r] = sums.kept_values[(k + r + 1) * sums.kept - 1];
  V smallest = hn::Load(f, floor);
  for (std::int64_t begin = 0; begin < panel.count; begin += kShortSum) {
    V part = hn::Zero(f);
    for (std::int64_t v = begin; v < std::min(begin + kShortSum, panel.count); ++v) {
      const float* const at = logits + v * kGroup + k;
      const V z = hn::Load(f, at);
      best = hn::Max(best, z);
      part = hn::Add(part, hn::Sub(z, target));
      if (const auto larger = hn::Gt(z, smallest); !hn::AllFalse(f, larger)) {
        KeepLargest(panel.first + v, at, BitsOf(larger), k, sums, floor);
        smallest = hn::Load(f, floor);
      }
    }
    total = hn::Add(total, part);
  }
  AddLanes(total, sums.differences + k);
  return best;
}

// Raises m to the panel's largest logit; the sums so far shrink with it.
HWY_INLINE void Rebase(V best, int k, LensSums& sums) {
  HWY_ALIGN float panel_best[kLanes];
  hn::Store(best, F(), panel_best);
  for (int r = 0; r < kLanes; ++r) {
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

// What a logit must exceed to stand before the target: the target's, or the number just below it where all of the panel
// has lower ids.
HWY_INLINE V RankLimit(const LensPanel& panel, int k, const LensSums& sums) {
  const F f;
  const I i;
  const auto last = hn::Set(i, static_cast<std::int32_t>(panel.first + panel.count - 1));
  const auto before = hn::RebindMask(f, hn::Gt(hn::LoadU(i, sums.target + k), last));
  return hn::IfThenElse(before, hn::LoadU(f, sums.below_target + k), hn::LoadU(f, sums.target_logit + k));
}

HWY_INLINE void Weigh(const LensPanel& panel, int k, LensSums& sums, float* logits) {
  const F f;
  const I i;
  const V m = hn::LoadU(f, sums.largest + k), limit = RankLimit(panel, k, sums), low = hn::Set(f, kLowest);
  auto rank = hn::LoadU(i, sums.rank + k);
  V others = hn::Zero(f), weighted = hn::Zero(f);
  for (std::int64_t begin = 0; begin < panel.count; begin += kShortSum) {
    V part = hn::Zero(f), weighted_part = hn::Zero(f);
    for (std::int64_t v = begin; v < std::min(begin + kShortSum, panel.count); ++v) {
      float* const at = logits + v * kGroup + k;
      const V z = hn::Load(f, at), x = hn::Max(hn::Sub(z, m), low), p = ExpNotPositive(x);
      rank = hn::Sub(rank, hn::VecFromMask(i, hn::RebindMask(i, hn::Gt(z, limit))));
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
    if (last.sums != nullptr) AddContrast(panel, last, logits, k, sums);
    Rebase(Scan(panel, logits, k, sums), k, sums);
  }
  HideTargets(panel, sums, logits);
  for (int k = 0; k < kGroup; k += kLanes) Weigh(panel, k, sums, logits);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
