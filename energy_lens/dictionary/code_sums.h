// What an update of a dictionary needs of sparse codes and signals, however many rows there are: both are read once, in
// order (Mairal, Bach, Ponce and Sapiro, Online Learning for Matrix Factorization and Sparse Coding, JMLR 2010).
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

// With a [N, K] the codes written out and x [N, D] the signals; fp64, summed in row order, so that bits do not depend
// on the number of threads.
struct CodeSums {
  at::Tensor codes;                // [K, K] a^T a
  at::Tensor signals;              // [K, D] a^T x
  std::vector<std::int64_t> uses;  // [K] rows that each atom stands in
};

// codes [N, k] of K atoms; x [N, D] fp32 on the CPU, rows without gaps.
CodeSums code_sums(const SparseCodes& codes, const at::Tensor& x, std::int64_t atoms);

}  // namespace energy_lens
