// The hot loops of the permutation test of stats/, for one instruction set.
#pragma once
#include <cstdint>

namespace energy_lens {

// What one document adds to the sum and to the sum of squares under one permutation, side by side for one load.
struct alignas(16) Term {
  double sum;
  double square;
};

// The size of one step of a fixed-point sum, or of an error of one.
struct FixedPoint {
  double sum;
  double square;
};

constexpr int kRowsAtOnce = 3;  // their terms stay near the core while all permutations read them

struct PermutationKernel {
  const char* name;
  // row[e] += value * column[e]
  void (*add_column)(double value, const double* column, std::int64_t documents, double* row);
  // terms[e] = {row[e], (row[e] + common[e])^2 - common[e]^2}; returns the largest row[e]^2.
  double (*make_terms)(const double* row, const double* common, std::int64_t documents, Term* terms);
  // totals[p] += terms[0][targets[0][p]] + ..., row after row, for `rows` <= kRowsAtOnce of them.
  void (*add_terms)(int rows, const Term* const* terms, const std::uint16_t* const* targets, std::int64_t count,
                    Term* totals);
  // The same for terms in fixed point, sum << 32 plus square: packed[e] from row[e] in the given steps.
  void (*pack_terms)(const double* row, const double* common, std::int64_t documents, FixedPoint steps,
                     std::uint64_t* packed);
  // The same of row[e] = value * column[e].
  void (*pack_product)(double value, const double* column, const double* common, std::int64_t documents,
                       FixedPoint steps, std::uint64_t* packed);
  void (*add_packed)(int rows, const std::uint64_t* const* packed, const std::uint16_t* const* targets,
                     std::int64_t count, std::uint64_t* totals);
  // |row[e]| at most
  double (*largest_magnitude)(const double* row, std::int64_t documents);
  // statistics[p] = sum / sqrt(square), 0 where square is no more than `least`.
  void (*studentise)(const Term* totals, double least, std::int64_t count, double* statistics);
  // The same of common + totals[p], where both sums may be wrong by `wrong`; errors[p] bounds what that does.
  void (*studentise_packed)(const std::uint64_t* totals, Term common, FixedPoint steps, FixedPoint wrong,
                            std::int64_t count, double* statistics, double* errors);
};

const PermutationKernel& best_permutation_kernel();
const PermutationKernel& generic_permutation_kernel();

}  // namespace energy_lens
