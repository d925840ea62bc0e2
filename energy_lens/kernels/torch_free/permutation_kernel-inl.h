// One instruction set's PermutationKernel: plain loops where the compiler turns them into its vectors. Included once a
// target by permutation_kernel.cpp, and by permutation_kernel_generic.cpp.
#if defined(ENERGY_LENS_PERMUTATION_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_PERMUTATION_KERNEL_INL_H_
#undef ENERGY_LENS_PERMUTATION_KERNEL_INL_H_
#else
#define ENERGY_LENS_PERMUTATION_KERNEL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "energy_lens/kernels/torch_free/permutation_kernel.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kLanes = 16;  // numbers that a plain loop has side by side

// Of kVectors vectors from `begin` on, as often as they fit; sums stay in registers while all columns are read. Returns
// where it stopped.
template <std::int64_t kVectors>
HWY_INLINE std::int64_t AddStrips(const double* HWY_RESTRICT weights, const double* const* HWY_RESTRICT columns,
                                  std::int64_t count, std::int64_t begin, std::int64_t documents,
                                  double* HWY_RESTRICT row) {
  const hn::ScalableTag<double> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; begin + kVectors * lanes <= documents; begin += kVectors * lanes) {
    hn::Vec<decltype(d)> sum[kVectors];
    for (std::int64_t v = 0; v < kVectors; ++v) sum[v] = hn::LoadU(d, row + begin + v * lanes);
    for (std::int64_t i = 0; i < count; ++i) {
      const double* const from = columns[i] + begin;
      const auto weight = hn::Set(d, weights[i]);
      for (std::int64_t v = 0; v < kVectors; ++v) sum[v] = hn::MulAdd(weight, hn::LoadU(d, from + v * lanes), sum[v]);
    }
    for (std::int64_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, row + begin + v * lanes);
  }
  return begin;
}

void AddColumns(const double* HWY_RESTRICT weights, const double* const* HWY_RESTRICT columns, std::int64_t count,
                std::int64_t documents, double* HWY_RESTRICT row) {
  std::int64_t e = AddStrips<4>(weights, columns, count, 0, documents, row);
  e = AddStrips<1>(weights, columns, count, e, documents, row);
  for (; e < documents; ++e) {
    for (std::int64_t i = 0; i < count; ++i) row[e] += weights[i] * columns[i][e];
  }
}

typedef std::uint32_t Word32 __attribute__((may_alias));
static_assert(std::endian::native == std::endian::little);

void Pack(FixedRow scale, const float* __restrict__ shares, const float* __restrict__ twice_common,
          std::int64_t documents, std::uint64_t* packed) {
  Word32* __restrict__ const halves = reinterpret_cast<Word32*>(packed);
  for (std::int64_t e = 0; e < documents; ++e) {
    const float y = scale.root * shares[e];
    halves[2 * e] = static_cast<std::uint32_t>(static_cast<std::int32_t>(y * (y + twice_common[e]) + scale.bias));
    halves[2 * e + 1] = static_cast<std::uint32_t>(static_cast<std::int32_t>(scale.sum * shares[e]));
  }
}

// One running maximum would wait for itself at every step. Comparisons pass over NaN; sums do not.
double LargestMagnitude(const double* __restrict__ row, std::int64_t documents) {
  double largest[kLanes] = {}, spoiled[kLanes] = {};
  for (std::int64_t e = 0; e < documents; e += kLanes) {
    const std::int64_t lanes = std::min(kLanes, documents - e);
    for (std::int64_t i = 0; i < lanes; ++i) {
      const double size = __builtin_fabs(row[e + i]);
      largest[i] = size > largest[i] ? size : largest[i];
      spoiled[i] += 0.0 * size;
    }
  }
  double most = 0.0;
  for (std::int64_t i = 0; i < kLanes; ++i) most = std::max(most, largest[i]) + spoiled[i];
  return most;
}

typedef std::uint64_t TwoTotals __attribute__((vector_size(16)));
typedef std::uint64_t FourTotals __attribute__((vector_size(32), aligned(8), may_alias));

// Four targets a load, and one load and one store of totals for the four of them: loads are what limits this. Targets
// come from afar, a page or more a row: fetched ahead, because what the processor fetches by itself stops where a page
// ends.
template <int kRows>
HWY_INLINE void AddSome(const std::uint64_t* const* packed, const std::uint16_t* const* targets, std::int64_t count,
                        std::uint64_t* totals) {
  const std::uint64_t* from[kRows];
  const std::uint16_t* to[kRows];
  for (int r = 0; r < kRows; ++r) {
    from[r] = packed[r];
    to[r] = targets[r];
  }
  constexpr std::int64_t kAhead = 512, kLine = 32;  // targets
  std::int64_t p = 0;
  for (; p + kLine <= count; p += kLine) {
    for (int r = 0; r < kRows; ++r) __builtin_prefetch(to[r] + std::min(p + kAhead, count - 1));
    HWY_UNROLL(8)
    for (std::int64_t i = p; i < p + kLine; i += 4) {
      TwoTotals first{}, second{};
      for (int r = 0; r < kRows; ++r) {
        std::uint64_t four;
        std::memcpy(&four, to[r] + i, sizeof(four));
        first += TwoTotals{from[r][four & 0xffff], from[r][four >> 16 & 0xffff]};
        second += TwoTotals{from[r][four >> 32 & 0xffff], from[r][four >> 48]};
      }
      *reinterpret_cast<FourTotals*>(totals + i) += __builtin_shufflevector(first, second, 0, 1, 2, 3);
    }
  }
  for (; p < count; ++p) {
    for (int r = 0; r < kRows; ++r) totals[p] += from[r][to[r][p]];
  }
}

// add(a constant): with that many rows.
template <class Add>
HWY_INLINE void WithRows(int rows, const Add& add) {
  static_assert(kRowsAtOnce == 2);
  if (rows == 2) add(std::integral_constant<int, 2>());
  if (rows == 1) add(std::integral_constant<int, 1>());
}

void AddPacked(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets, std::int64_t count,
               std::uint64_t* totals) {
  WithRows(rows, [&](auto some) { AddSome<some()>(packed, targets, count, totals); });
}

#if HWY_ARCH_X86_64 && HWY_TARGET <= HWY_AVX3
// Eight look-ups an instruction, twice.
template <int kRows>
HWY_INLINE void GatherSome(const std::uint64_t* const* packed, const std::uint16_t* const* targets, std::int64_t count,
                           std::uint64_t* totals) {
  const hn::Full512<std::uint64_t> u;
  const hn::Full512<std::int64_t> i;
  const hn::Rebind<std::int32_t, decltype(i)> wide;
  const hn::Rebind<std::uint16_t, decltype(i)> half;
  const auto indices = [&](const std::uint16_t* at) {
    return hn::PromoteTo(i, hn::PromoteTo(wide, hn::LoadU(half, at)));
  };
  constexpr std::int64_t kAtOnce = 8;
  std::int64_t p = 0;
  for (; p + 2 * kAtOnce <= count; p += 2 * kAtOnce) {
    auto first = hn::LoadU(u, totals + p), second = hn::LoadU(u, totals + p + kAtOnce);
    for (int r = 0; r < kRows; ++r) {
      const std::uint16_t* const at = targets[r] + p;
      first = hn::Add(first, hn::GatherIndex(u, packed[r], indices(at)));
      second = hn::Add(second, hn::GatherIndex(u, packed[r], indices(at + kAtOnce)));
    }
    hn::StoreU(first, u, totals + p);
    hn::StoreU(second, u, totals + p + kAtOnce);
  }
  const std::uint16_t* rest[kRows];
  for (int r = 0; r < kRows; ++r) rest[r] = targets[r] + p;
  AddSome<kRows>(packed, rest, count - p, totals + p);
}

void GatherPacked(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets, std::int64_t count,
                  std::uint64_t* totals) {
  WithRows(rows, [&](auto some) { GatherSome<some()>(packed, targets, count, totals); });
}
#endif

// With s = square and w what it may be wrong by, 1 / sqrt(s) is off by no more than a share w / s while w <= s / 2.
// fp32 rounds both sums, a root and a quotient: four times 2^-24 at most.
double Studentise(const std::uint64_t* HWY_RESTRICT totals, Term common, FixedPoint steps, double wrong,
                  std::int64_t count, float* HWY_RESTRICT statistics) {
  const hn::ScalableTag<std::int64_t> i;
  const hn::RebindToUnsigned<decltype(i)> u;
  const hn::Rebind<double, decltype(i)> d;
  const hn::Rebind<float, decltype(i)> f;
  const double unit = steps.sum / __builtin_sqrt(steps.square);
  const auto per_step = hn::Set(d, unit), sum = hn::Set(d, unit * common.sum / steps.sum);
  const auto square = hn::Set(d, common.square / steps.square);
  const auto least_known = hn::Set(f, static_cast<float>(2.0 * wrong));
  const auto none = hn::Set(f, std::numeric_limits<float>::infinity());
  auto least = none, largest = hn::Zero(f);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(i));
  const auto some = [&](const std::uint64_t* from, std::int64_t many, float* to) {
    const auto total = hn::LoadU(u, from);
    const auto low = hn::BitCast(i, hn::And(total, hn::Set(u, 0xffffffff)));
    const auto high = hn::ShiftRight<32>(hn::BitCast(i, total));
    const auto sums = hn::DemoteTo(f, hn::MulAdd(hn::ConvertTo(d, high), per_step, sum));
    const auto squares = hn::DemoteTo(f, hn::Add(hn::ConvertTo(d, low), square));
    const auto known = hn::And(hn::Gt(squares, least_known), hn::FirstN(f, static_cast<std::size_t>(many)));
    const auto t = hn::Div(sums, hn::Sqrt(squares));
    least = hn::Min(least, hn::IfThenElse(known, squares, none));
    largest = hn::Max(largest, hn::IfThenElseZero(known, hn::Abs(t)));
    hn::StoreU(hn::IfThenElse(known, t, hn::NaN(f)), f, to);
  };
  std::int64_t p = 0;
  for (; p + lanes <= count; p += lanes) some(totals + p, lanes, statistics + p);
  std::uint64_t last[hn::MaxLanes(i)] = {};
  float made[hn::MaxLanes(i)];
  std::copy(totals + p, totals + count, last);
  some(last, count - p, made);
  std::copy(made, made + (count - p), statistics + p);
  const double s = hn::GetLane(hn::MinOfLanes(f, least)), t = hn::GetLane(hn::MaxOfLanes(f, largest));
  return 1.5 * unit * wrong / __builtin_sqrt(s) + t * (wrong / s + 0x1p-22);
}

std::int64_t Undecided(const float* __restrict__ statistics, double error, const double* __restrict__ maxima,
                       double observed, std::int64_t count, std::int32_t* __restrict__ which) {
  const auto open = [&](std::int64_t p) {
    const double t = __builtin_fabs(static_cast<double>(statistics[p]));
    return !(t + error < maxima[p]) | !(__builtin_fabs(t - observed) > error);  // true of NaN
  };
  std::int64_t found = 0;
  for (std::int64_t p = 0; p < count; p += kLanes) {
    const std::int64_t end = std::min(count, p + kLanes);
    std::int32_t any = 0;
    for (std::int64_t i = p; i < end; ++i) any |= open(i);
    if (any == 0) continue;
    for (std::int64_t i = p; i < end; ++i) {
      if (open(i)) which[found++] = static_cast<std::int32_t>(i);
    }
  }
  return found;
}

Reached CountReached(const float* __restrict__ statistics, const double* __restrict__ maxima, double observed,
                     double reach, std::int64_t count) {
  const auto signed_observed = static_cast<float>(observed), size = __builtin_fabsf(signed_observed);
  std::int32_t two_sided = 0, greater = 0, less = 0, maximum = 0;
  for (std::int64_t p = 0; p < count; ++p) {
    const float t = statistics[p];
    two_sided += __builtin_fabsf(t) > size;
    greater += t > signed_observed;
    less += t < signed_observed;
    maximum += maxima[p] >= reach;
  }
  return {two_sided, greater, less, maximum};
}

const PermutationKernel& PermutationOfTarget() {
  static const PermutationKernel kernel{
      hwy::TargetName(HWY_TARGET), AddColumns, LargestMagnitude, Pack, AddPacked, Studentise, Undecided, CountReached};
  return kernel;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
