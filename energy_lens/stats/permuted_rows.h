// The hot loops of the permutation test, on plain pointers. Private to stats/.
#pragma once
#include <cstdint>

#include "energy_lens/core/instruction_set.h"

namespace energy_lens {

// What one document adds to the sum and to the sum of squares under one permutation, side by side for one load.
struct alignas(16) Term {
  double sum;
  double square;
};

constexpr int kRowsAtOnce = 3;  // their terms stay near the core while all permutations read them

struct PermutationKernels {
  // row[e] += value * column[e]
  void (*add_column)(double value, const double* column, std::int64_t documents, double* row);
  // terms[e] = {row[e], (row[e] + common[e])^2 - common[e]^2}; returns the largest row[e]^2.
  double (*make_terms)(const double* row, const double* common, std::int64_t documents, Term* terms);
  // totals[p] += terms[0][targets[0][p]] + ..., row after row, for `rows` <= kRowsAtOnce of them.
  void (*add_terms)(int rows, const Term* const* terms, const std::uint16_t* const* targets, std::int64_t count,
                    Term* totals);
  // statistics[p] = sum / sqrt(square), 0 where square is no more than `least`.
  void (*studentise)(const Term* totals, double least, std::int64_t count, double* statistics);
};

const PermutationKernels& permutation_kernels(InstructionSet instructions = best_instruction_set());

}  // namespace energy_lens
