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

// How a row of terms x[e] = x_most * shares[e] becomes fixed point: what x is in steps of its sum where the share is 1,
// in square roots of a step of its square, and what is added to each square so that none is negative.
struct FixedRow {
  float sum;
  float root;
  float bias;
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
  // row[e] += sum over i < count of weights[i] * columns[i][e], e < documents
  void (*add_columns)(const double* weights, const double* const* columns, std::int64_t count, std::int64_t documents,
                      double* row);
  // |row[e]| at most; NaN where one is NaN or infinite.
  double (*largest_magnitude)(const double* row, std::int64_t documents);
  // The terms x[e] and (x[e] + common[e])^2 - common[e]^2 + bias in steps, both of magnitude below 2^31 and the second
  // above -1, cut to integers: packed[e] is sum << 32 plus square. twice_common [documents]: 2 common[e] in
  // square roots of a step of the square. The sum is off by less than 1 + 2.5 * 2^-24 |x_most| and the square by less
  // than 1 + 8 * 2^-24 |x_most| (|x_most| + 4 |common|), in their steps, where |shares| <= 1 are off by 2^-25.
  void (*pack)(FixedRow scale, const float* shares, const float* twice_common, std::int64_t documents,
               std::uint64_t* packed);
  // totals[p] += packed[0][targets[0][p]] + ..., for `rows` <= kRowsAtOnce of them.
  void (*add_packed)(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets,
                     std::int64_t count, std::uint64_t* totals);
  // statistics[p] = sum / sqrt(square) of common + totals[p], whose parts may be `wrong` steps off, wrong an integer
  // below 2^23; the low half of totals[p] is its square; NaN where that hides it. Returns how far the others may be
  // off, 0 where there are none.
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
