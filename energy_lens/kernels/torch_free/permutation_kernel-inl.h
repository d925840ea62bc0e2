// One instruction set's PermutationKernel: plain loops that the compiler turns into its vectors. Included once a target
// by permutation_kernel.cpp, and by permutation_kernel_generic.cpp.
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

#include "energy_lens/kernels/torch_free/permutation_kernel.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

typedef double Pair __attribute__((vector_size(16), may_alias));

void AddColumn(double value, const double* __restrict__ column, std::int64_t documents, double* __restrict__ row) {
  for (std::int64_t e = 0; e < documents; ++e) row[e] += value * column[e];
}

// Largest of the squares lane by lane: one running maximum would wait for itself at every step.
double MakeTerms(const double* __restrict__ row, const double* __restrict__ common, std::int64_t documents,
                 Term* __restrict__ terms) {
  constexpr std::int64_t kLanes = 8;
  double largest[kLanes] = {};
  std::int64_t e = 0;
  for (; e + kLanes <= documents; e += kLanes) {
    for (std::int64_t i = 0; i < kLanes; ++i) {
      const double x = row[e + i];
      terms[e + i] = {x, x * (x + 2.0 * common[e + i])};
      largest[i] = x * x > largest[i] ? x * x : largest[i];
    }
  }
  for (; e < documents; ++e) {
    terms[e] = {row[e], row[e] * (row[e] + 2.0 * common[e])};
    largest[0] = std::max(largest[0], row[e] * row[e]);
  }
  return *std::max_element(largest, largest + kLanes);
}

// Adding this leaves a number, rounded to an integer, in the low bits of the sum: two's complement.
constexpr double kToInteger = 6755399441055744.0;  // 1.5 * 2^52

template <class RowAt>
HWY_INLINE void Pack(const RowAt& row_at, const double* __restrict__ common, std::int64_t documents, FixedPoint steps,
                     std::uint64_t* __restrict__ packed) {
  constexpr auto kZero = std::bit_cast<std::uint64_t>(kToInteger);
  const double per_sum = 1.0 / steps.sum, per_square = 1.0 / steps.square;
  for (std::int64_t e = 0; e < documents; ++e) {
    const double x = row_at(e), square = x * (x + 2.0 * common[e]);
    packed[e] = (std::bit_cast<std::uint64_t>(x * per_sum + kToInteger) << 32) +
                (std::bit_cast<std::uint64_t>(square * per_square + kToInteger) - kZero);
  }
}

void PackTerms(const double* __restrict__ row, const double* __restrict__ common, std::int64_t documents,
               FixedPoint steps, std::uint64_t* __restrict__ packed) {
  Pack([&](std::int64_t e) { return row[e]; }, common, documents, steps, packed);
}

void PackProduct(double value, const double* __restrict__ column, const double* __restrict__ common,
                 std::int64_t documents, FixedPoint steps, std::uint64_t* __restrict__ packed) {
  Pack([&](std::int64_t e) { return value * column[e]; }, common, documents, steps, packed);
}

double LargestMagnitude(const double* __restrict__ row, std::int64_t documents) {
  constexpr std::int64_t kLanes = 16;
  double largest[kLanes] = {};
  for (std::int64_t e = 0; e < documents; e += kLanes) {
    const std::int64_t lanes = std::min(kLanes, documents - e);
    for (std::int64_t i = 0; i < lanes; ++i) {
      const double size = __builtin_fabs(row[e + i]);
      largest[i] = size > largest[i] ? size : largest[i];
    }
  }
  return *std::max_element(largest, largest + kLanes);
}

template <int kRows, typename Entry>
HWY_INLINE void AddSome(const Entry* const* entries, const std::uint16_t* const* targets, std::int64_t count,
                        Entry* totals) {
  const Entry* from[kRows];
  const std::uint16_t* to[kRows];
  for (int r = 0; r < kRows; ++r) {
    from[r] = entries[r];
    to[r] = targets[r];
  }
  static_assert(std::endian::native == std::endian::little);
  std::int64_t p = 0;
  for (; p + 2 <= count; p += 2) {  // two targets a load, and two sums that do not wait for each other
    Entry even = totals[p], odd = totals[p + 1];
    for (int r = 0; r < kRows; ++r) {
      std::uint32_t both;
      std::memcpy(&both, to[r] + p, sizeof(both));
      even += from[r][both & 0xffff];
      odd += from[r][both >> 16];
    }
    totals[p] = even;
    totals[p + 1] = odd;
  }
  if (p == count) return;
  for (int r = 0; r < kRows; ++r) totals[p] += from[r][to[r][p]];
}

// Entry: Pair for Terms, or a packed word.
template <typename Entry>
HWY_INLINE void AddRows(int rows, const Entry* const* entries, const std::uint16_t* const* targets, std::int64_t count,
                        Entry* totals) {
  static_assert(kRowsAtOnce == 3);
  if (rows == 3) AddSome<3>(entries, targets, count, totals);
  if (rows == 2) AddSome<2>(entries, targets, count, totals);
  if (rows == 1) AddSome<1>(entries, targets, count, totals);
}

void AddTerms(int rows, const Term* const* terms, const std::uint16_t* const* targets, std::int64_t count,
              Term* totals) {
  AddRows(rows, reinterpret_cast<const Pair* const*>(terms), targets, count, reinterpret_cast<Pair*>(totals));
}

void AddPacked(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets, std::int64_t count,
               std::uint64_t* totals) {
  AddRows(rows, packed, targets, count, totals);
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
  if (rows == 3) GatherSome<3>(packed, targets, count, totals);
  if (rows == 2) GatherSome<2>(packed, targets, count, totals);
  if (rows == 1) GatherSome<1>(packed, targets, count, totals);
}
#endif

void Studentise(const Term* __restrict__ totals, double least, std::int64_t count, double* __restrict__ statistics) {
  for (std::int64_t p = 0; p < count; ++p) {
    const bool any = totals[p].square > least;
    const double root = __builtin_sqrt(any ? totals[p].square : 1.0);
    statistics[p] = any ? totals[p].sum / root : 0.0;
  }
}

// With s = square and w what it may be wrong by, 1 / sqrt(s) is off by no more than a share w / s while w <= s / 2.
void StudentisePacked(const std::uint64_t* __restrict__ totals, Term common, FixedPoint steps, FixedPoint wrong,
                      std::int64_t count, double* __restrict__ statistics, double* __restrict__ errors) {
  for (std::int64_t p = 0; p < count; ++p) {
    const auto low = static_cast<std::int32_t>(totals[p]);
    const auto high = static_cast<std::int32_t>((totals[p] - static_cast<std::uint64_t>(std::int64_t{low})) >> 32);
    const double sum = common.sum + steps.sum * high, square = common.square + steps.square * low;
    const bool known = square >= 2.0 * wrong.square;
    const double inverse = known ? 1.0 / square : 1.0, root = __builtin_sqrt(inverse);
    const double statistic = sum * root;
    statistics[p] = statistic;
    errors[p] = known ? 1.5 * wrong.sum * root + __builtin_fabs(statistic) * wrong.square * inverse
                      : std::numeric_limits<double>::infinity();
  }
}

const PermutationKernel& PermutationOfTarget() {
  static const PermutationKernel kernel{hwy::TargetName(HWY_TARGET),
                                        AddColumn,
                                        MakeTerms,
                                        AddTerms,
                                        PackTerms,
                                        PackProduct,
                                        AddPacked,
                                        LargestMagnitude,
                                        Studentise,
                                        StudentisePacked};
  return kernel;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
