// The hot loops of the permutation test of stats/, for one instruction set.
#pragma once
#include <cstdint>

namespace energy_lens {

// The sums that a studentised statistic is made of.
struct Term {
  double sum;
  double square;
};

// The size of one step of a fixed-point sum.
struct FixedPoint {
  double sum;
  double square;
};

// How many permutations reached an observed statistic, one-sided either way, and how many maxima did.
struct Reached {
  std::int64_t two_sided = 0;
  std::int64_t greater = 0;
  std::int64_t less = 0;
  std::int64_t maximum = 0;

  Reached& operator+=(const Reached& other) {
    two_sided += other.two_sided;
    greater += other.greater;
    less += other.less;
    maximum += other.maximum;
    return *this;
  }
};

constexpr int kRowsAtOnce = 2;  // their terms stay near the core while all permutations read them

struct PermutationKernel {
  const char* name;
  // row[e] += value * column[e]
  void (*add_column)(double value, const double* column, std::int64_t documents, double* row);
  // |row[e]| at most; NaN where one is NaN or infinite.
  double (*largest_magnitude)(const double* row, std::int64_t documents);
  // The terms row[e] and (row[e] + common[e])^2 - common[e]^2 in the given steps: packed[e] is sum << 32 plus square.
  void (*pack_terms)(const double* row, const double* common, std::int64_t documents, FixedPoint steps,
                     std::uint64_t* packed);
  // The same of row[e] = value * column[e].
  void (*pack_product)(double value, const double* column, const double* common, std::int64_t documents,
                       FixedPoint steps, std::uint64_t* packed);
  // totals[p] += packed[0][targets[0][p]] + ..., for `rows` <= kRowsAtOnce of them.
  void (*add_packed)(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets,
                     std::int64_t count, std::uint64_t* totals);
  // statistics[p] = sum / sqrt(square) of common + totals[p], whose parts may be `wrong` steps off, wrong an integer
  // below 2^23; NaN where that hides it. Returns how far the others may be off, 0 where there are none.
  double (*studentise)(const std::uint64_t* totals, Term common, FixedPoint steps, double wrong, std::int64_t count,
                       float* statistics);
  // Lists, ascending, the statistics that are NaN or whose size, known to within `error`, cannot be told from
  // `observed` >= 0 or may pass maxima[p]. Returns how many there are; which [count].
  std::int64_t (*undecided)(const float* statistics, double error, const double* maxima, double observed,
                            std::int64_t count, std::int32_t* which);
  // Counts |statistics[p]| > |observed|, > observed, < observed, never NaN; and maxima[p] >= reach. Rounds observed to
  // fp32: 2^-24 of it is to be part of the error that `undecided` is given.
  Reached (*count_reached)(const float* statistics, const double* maxima, double observed, double reach,
                           std::int64_t count);
};

const PermutationKernel& best_permutation_kernel();
const PermutationKernel& generic_permutation_kernel();

}  // namespace energy_lens
