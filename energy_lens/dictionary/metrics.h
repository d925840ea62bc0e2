// How well a dictionary stands for activations. All sums in fp64.
#pragma once
#include <ATen/ATen.h>

#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

struct ReconstructionMetrics {
  double ev = 0.0;        // 1 - sum|x - xhat|^2 / sum|x - mean of x|^2; NaN when x is constant
  double ev_token = 0.0;  // the ratio of each row, averaged: reported by some benchmarks, kept under its own name
  double nmse = 0.0;      // mean of |x - xhat|^2 / |x|^2
};

// x, reconstruction: [N, D], N >= 1. Errors: BadInput (shapes).
ReconstructionMetrics reconstruction_metrics(const at::Tensor& x, const at::Tensor& reconstruction);

// Mean number of atoms in use a row.
double mean_active(const SparseCodes& codes);

// Share of the K atoms that no row uses.
double dead_fraction(const SparseCodes& codes, std::int64_t atoms);

// Mean over rows of a [Ka, D] of the largest cosine with any row of b [Kb, D] (sign ignored).
double mean_max_cosine(const at::Tensor& a, const at::Tensor& b);

// (ce_zero - ce) / (ce_zero - ce_clean): 1 keeps the model's loss, 0 is as bad as removing the stream.
double cross_entropy_recovered(double ce_clean, double ce_zero, double ce);

// partner[i]: the column assigned to row i of `similarity` [n, n], each once, with the largest total (Hungarian
// method).
std::vector<std::int64_t> best_assignment(const at::Tensor& similarity);

}  // namespace energy_lens
