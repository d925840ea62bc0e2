#include "energy_lens/stats/permuted_rows.h"

#include <algorithm>
#include <cmath>

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

template <int kRows>
EL_INLINE void add_rows(const Term* const* terms, const std::uint16_t* const* targets, std::int64_t count,
                        Term* totals) {
  const Pair* from[kRows];
  const std::uint16_t* to[kRows];
  for (int r = 0; r < kRows; ++r) {
    from[r] = reinterpret_cast<const Pair*>(terms[r]);
    to[r] = targets[r];
  }
  Pair* const out = reinterpret_cast<Pair*>(totals);
  for (std::int64_t p = 0; p < count; ++p) {
    Pair total = out[p];
    for (int r = 0; r < kRows; ++r) total += from[r][to[r][p]];
    out[p] = total;
  }
}

EL_INLINE void add_terms_body(int rows, const Term* const* terms, const std::uint16_t* const* targets,
                              std::int64_t count, Term* totals) {
  static_assert(kRowsAtOnce == 3);
  if (rows == 3) add_rows<3>(terms, targets, count, totals);
  if (rows == 2) add_rows<2>(terms, targets, count, totals);
  if (rows == 1) add_rows<1>(terms, targets, count, totals);
}

EL_INLINE void studentise_body(const Term* __restrict__ totals, double least, std::int64_t count,
                               double* __restrict__ statistics) {
  for (std::int64_t p = 0; p < count; ++p) {
    const bool any = totals[p].square > least;
    const double root = __builtin_sqrt(any ? totals[p].square : 1.0);
    statistics[p] = any ? totals[p].sum / root : 0.0;
  }
}

#define EL_ROW_KERNELS(name, attribute)                                                                       \
  namespace name {                                                                                            \
  attribute void add_column(double value, const double* column, std::int64_t documents, double* row) {        \
    add_column_body(value, column, documents, row);                                                           \
  }                                                                                                           \
  attribute double make_terms(const double* row, const double* common, std::int64_t documents, Term* terms) { \
    return make_terms_body(row, common, documents, terms);                                                    \
  }                                                                                                           \
  attribute void add_terms(int rows, const Term* const* terms, const std::uint16_t* const* targets,           \
                           std::int64_t count, Term* totals) {                                                \
    add_terms_body(rows, terms, targets, count, totals);                                                      \
  }                                                                                                           \
  attribute void studentise(const Term* totals, double least, std::int64_t count, double* statistics) {       \
    studentise_body(totals, least, count, statistics);                                                        \
  }                                                                                                           \
  constexpr PermutationKernels kernels = {add_column, make_terms, add_terms, studentise};                             \
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
