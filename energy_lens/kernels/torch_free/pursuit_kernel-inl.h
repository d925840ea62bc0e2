// One instruction set's PursuitKernel. Included once a target by pursuit_kernel.cpp, and by pursuit_kernel_generic.cpp.
#if defined(ENERGY_LENS_PURSUIT_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_PURSUIT_KERNEL_INL_H_
#undef ENERGY_LENS_PURSUIT_KERNEL_INL_H_
#else
#define ENERGY_LENS_PURSUIT_KERNEL_INL_H_
#endif

#include <algorithm>

#include "energy_lens/kernels/torch_free/pursuit_kernel.h"
#include "energy_lens/kernels/torch_free/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

static_assert(kPursuitPadding % kLanes == 0);

// So many rows of the Gram matrix are read side by side: few enough for the prefetcher to follow each. A stretch of
// correlations waits in a first-level cache for the next ones.
constexpr int kColumns = 8;
constexpr std::int64_t kStretch = 2048;

struct Best {
  V magnitude;
  hn::Vec<I> atom;
};

// to[i] = from[i] - sum_j coefficients[j] columns[j][i], the largest followed where kLast.
template <int kCount, bool kLast>
HWY_INLINE void AddColumns(const float* const* columns, const float* coefficients, const float* from,
                           std::int64_t first, std::int64_t size, float* to, Best& best) {
  const F f;
  const I i;
  V scale[kCount > 0 ? kCount : 1];
  const float* HWY_RESTRICT column[kCount > 0 ? kCount : 1];
  EL_UNROLL
  for (int c = 0; c < kCount; ++c) {
    scale[c] = hn::Set(f, coefficients[c]);
    column[c] = columns[c] + first;
  }
  auto atom = hn::Iota(i, static_cast<std::int32_t>(first));
  const auto step = hn::Set(i, kLanes);
  for (std::int64_t at = 0; at < size; at += kLanes) {
    V sum = hn::LoadU(f, from + at);
    EL_UNROLL
    for (int c = 0; c < kCount; ++c) sum = hn::NegMulAdd(scale[c], hn::LoadU(f, column[c] + at), sum);
    hn::StoreU(sum, f, to + at);
    if constexpr (kLast) {
      const V magnitude = hn::Abs(sum);
      const auto larger = hn::Gt(magnitude, best.magnitude);
      best.magnitude = hn::IfThenElse(larger, magnitude, best.magnitude);
      best.atom = hn::IfThenElse(hn::RebindMask(i, larger), atom, best.atom);
      atom = hn::Add(atom, step);
    }
  }
}

// The last columns, of which there are at most kCount.
template <int kCount>
HWY_INLINE void AddLast(int count, const float* const* columns, const float* coefficients, const float* from,
                        std::int64_t first, std::int64_t size, float* to, Best& best) {
  if (count == kCount) {
    AddColumns<kCount, true>(columns, coefficients, from, first, size, to, best);
  } else if constexpr (kCount > 0) {
    AddLast<kCount - 1>(count, columns, coefficients, from, first, size, to, best);
  }
}

LargestCorrelation Largest(const Best& best) {
  HWY_ALIGN float magnitude[kLanes];
  HWY_ALIGN std::int32_t atom[kLanes];
  hn::Store(best.magnitude, F(), magnitude);
  hn::Store(best.atom, I(), atom);
  int winner = 0;
  for (int l = 1; l < kLanes; ++l) {
    const bool equal = magnitude[l] == magnitude[winner];
    if (magnitude[l] > magnitude[winner] || (equal && atom[l] < atom[winner])) winner = l;
  }
  return {atom[winner], magnitude[winner]};
}

LargestCorrelation Update(const PursuitUpdate& job, float* correlations) {
  Best best{hn::Zero(F()), hn::Iota(I(), 0)}, none = best;
  for (std::int64_t first = 0; first < job.padded; first += kStretch) {
    const std::int64_t size = std::min(kStretch, job.padded - first);
    const float* from = job.start + first;
    for (std::int64_t j = 0;; j += kColumns) {
      const int count = static_cast<int>(std::min<std::int64_t>(kColumns, job.count - j));
      const float* columns[kColumns] = {};
      for (int c = 0; c < count; ++c) columns[c] = job.gram + job.chosen[j + c] * job.gram_stride;
      if (j + kColumns >= job.count) {
        AddLast<kColumns>(count, columns, job.coefficients + j, from, first, size, correlations + first, best);
        break;
      }
      AddColumns<kColumns, false>(columns, job.coefficients + j, from, first, size, correlations + first, none);
      from = correlations + first;
    }
  }
  return Largest(best);
}

const PursuitKernel& PursuitOfTarget() {
  static const PursuitKernel kernel{hwy::TargetName(HWY_TARGET), Update};
  return kernel;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
