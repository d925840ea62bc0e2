#include "energy_lens/stats/permuted_rows.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace energy_lens {
namespace {

// Bodies are compiled once for every instruction set below; everything they call is inlined.
#define EL_INLINE inline __attribute__((always_inline))

typedef double Pair __attribute__((vector_size(16), may_alias));

EL_INLINE void add_column_body(double value, const double* __restrict__ column, std::int64_t documents,
                               double* __restrict__ row) {
  for (std::int64_t e = 0; e < documents; ++e) row[e] += value * column[e];
}

// Largest of the squares lane by lane: one running maximum would wait for itself at every step.
EL_INLINE double make_terms_body(const double* __restrict__ row, const double* __restrict__ common,
                                 std::int64_t documents, Term* __restrict__ terms) {
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

EL_INLINE void pack_terms_body(const double* __restrict__ row, const double* __restrict__ common,
                               std::int64_t documents, FixedPoint steps, std::uint64_t* __restrict__ packed) {
  constexpr auto kZero = std::bit_cast<std::uint64_t>(kToInteger);
  const double per_sum = 1.0 / steps.sum, per_square = 1.0 / steps.square;
  for (std::int64_t e = 0; e < documents; ++e) {
    const double square = row[e] * (row[e] + 2.0 * common[e]);
    packed[e] = (std::bit_cast<std::uint64_t>(row[e] * per_sum + kToInteger) << 32) +
                (std::bit_cast<std::uint64_t>(square * per_square + kToInteger) - kZero);
  }
}

EL_INLINE double largest_magnitude_body(const double* __restrict__ row, std::int64_t documents) {
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
EL_INLINE void add_rows(const Entry* const* entries, const std::uint16_t* const* targets, std::int64_t count,
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
EL_INLINE void add_rows_body(int rows, const Entry* const* entries, const std::uint16_t* const* targets,
                             std::int64_t count, Entry* totals) {
  static_assert(kRowsAtOnce == 3);
  if (rows == 3) add_rows<3>(entries, targets, count, totals);
  if (rows == 2) add_rows<2>(entries, targets, count, totals);
  if (rows == 1) add_rows<1>(entries, targets, count, totals);
}

EL_INLINE void studentise_body(const Term* __restrict__ totals, double least, std::int64_t count,
                               double* __restrict__ statistics) {
  for (std::int64_t p = 0; p < count; ++p) {
    const bool any = totals[p].square > least;
    const double root = __builtin_sqrt(any ? totals[p].square : 1.0);
    statistics[p] = any ? totals[p].sum / root : 0.0;
  }
}

// With s = square and w what it may be wrong by, 1 / sqrt(s) is off by no more than a share w / s while w <= s / 2.
EL_INLINE void studentise_packed_body(const std::uint64_t* __restrict__ totals, Term common, FixedPoint steps,
                                      FixedPoint wrong, std::int64_t count, double* __restrict__ statistics,
                                      double* __restrict__ errors) {
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

#define EL_ROW_KERNELS(name, attribute)                                                                                \
  namespace name {                                                                                                     \
  attribute void add_column(double value, const double* column, std::int64_t documents, double* row) {                 \
    add_column_body(value, column, documents, row);                                                                    \
  }                                                                                                                    \
  attribute double make_terms(const double* row, const double* common, std::int64_t documents, Term* terms) {          \
    return make_terms_body(row, common, documents, terms);                                                             \
  }                                                                                                                    \
  attribute void add_terms(int rows, const Term* const* terms, const std::uint16_t* const* targets,                    \
                           std::int64_t count, Term* totals) {                                                         \
    add_rows_body(rows, reinterpret_cast<const Pair* const*>(terms), targets, count, reinterpret_cast<Pair*>(totals)); \
  }                                                                                                                    \
  attribute void pack_terms(const double* row, const double* common, std::int64_t documents, FixedPoint steps,         \
                            std::uint64_t* packed) {                                                                   \
    pack_terms_body(row, common, documents, steps, packed);                                                            \
  }                                                                                                                    \
  attribute void add_packed(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets,         \
                            std::int64_t count, std::uint64_t* totals) {                                               \
    add_rows_body(rows, packed, targets, count, totals);                                                               \
  }                                                                                                                    \
  attribute double largest_magnitude(const double* row, std::int64_t documents) {                                      \
    return largest_magnitude_body(row, documents);                                                                     \
  }                                                                                                                    \
  attribute void studentise(const Term* totals, double least, std::int64_t count, double* statistics) {                \
    studentise_body(totals, least, count, statistics);                                                                 \
  }                                                                                                                    \
  attribute void studentise_packed(const std::uint64_t* totals, Term common, FixedPoint steps, FixedPoint wrong,       \
                                   std::int64_t count, double* statistics, double* errors) {                           \
    studentise_packed_body(totals, common, steps, wrong, count, statistics, errors);                                   \
  }                                                                                                                    \
  constexpr PermutationKernels kernels = {add_column, make_terms,        add_terms,  pack_terms,                       \
                                          add_packed, largest_magnitude, studentise, studentise_packed};               \
  }

EL_ROW_KERNELS(generic, )
#if defined(__x86_64__)
EL_ROW_KERNELS(avx2, __attribute__((target("avx2,fma"))))
#endif

}  // namespace

const PermutationKernels& permutation_kernels(InstructionSet instructions) {
#if defined(__x86_64__)
  if (instructions != InstructionSet::Generic) return avx2::kernels;
#endif
  return generic::kernels;
}

}  // namespace energy_lens
