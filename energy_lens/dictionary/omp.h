// Orthogonal matching pursuit: each signal as at most k atoms, chosen greedily, with least-squares values on the
// support. Batch-OMP (Rubinstein, Zibulevsky and Elad 2008): everything after one product D x works on the Gram matrix.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

struct OmpOptions {
  std::int64_t active = 8;  // k, at most 512
  // A row is done when |D residual| <= correlation_floor |x|: what is left is rounding.
  double correlation_floor = 1e-6;
};

// atoms [K, D] fp32 unit rows; signals [N, D] fp32, centred. Values in the signals' units. Ties go to the lower atom.
// Atoms that are nearly in the span of those chosen (relative pivot below 1e-5) are passed over.
// Rows are worked in blocks of 64, so a row's codes depend neither on the others nor on the number of threads.
// Errors: BadInput (shapes, NaN or Inf naming the row), Usage (active outside 1..min(K, 512)).
SparseCodes omp_encode(const at::Tensor& signals, const at::Tensor& atoms, const OmpOptions& options = {});

// The readable reference: one signal [D] in fp64, least squares by SVD at every step.
SparseCodes omp_reference(const at::Tensor& signal, const at::Tensor& atoms, std::int64_t active);

}  // namespace energy_lens
