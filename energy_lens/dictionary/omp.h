// Orthogonal matching pursuit: each signal as at most k atoms, chosen greedily, with least-squares values on the
// support. Batch-OMP (Rubinstein, Zibulevsky and Elad 2008): everything after one product D x works on the Gram matrix.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "energy_lens/core/progress.h"
#include "energy_lens/dictionary/dictionary.h"

namespace energy_lens {

class SplitGram;

struct OmpOptions {
  std::int64_t active = 8;  // k, at most 512
  // A row is done when |D residual| <= correlation_floor |x|: what is left is rounding.
  double correlation_floor = 1e-6;
  // A row is also done when |residual| <= tolerance |x|; 0 asks for k atoms. 0..1.
  double tolerance = 0.0;
};

// Atoms made ready for coding: padded to whole vectors, with their K x K Gram matrix (64 MB for K = 4096).
class OmpCoder {
 public:
  // atoms [K, D] fp32 unit rows. Errors: BadInput (shape, NaN or Inf).
  explicit OmpCoder(const at::Tensor& atoms);

  // signals [N, D] fp32, centred. Values in the signals' units, slots in the order of choice. Ties go to the lower
  // atom. Atoms that are nearly in the span of those chosen (relative pivot below 1e-5) are passed over. A row's
  // codes depend neither on the others nor on the number of threads.
  // Errors: BadInput (shapes; a row with NaN or Inf, or longer than 1e18, named), Usage (active outside
  // 1..min(K, 512), floor or tolerance outside 0..1), Interrupted.
  SparseCodes encode(const at::Tensor& signals, const OmpOptions& options = {},
                     const Progress& progress = no_progress()) const;

 private:
  at::Tensor atoms_;  // [P, D]: K rounded up to whole vectors; the atoms added are zero
  std::shared_ptr<const SplitGram> gram_;
  std::int64_t count_ = 0;
};

// OmpCoder(atoms).encode(signals, options): for one use of the atoms.
SparseCodes omp_encode(const at::Tensor& signals, const at::Tensor& atoms, const OmpOptions& options = {},
                       const Progress& progress = no_progress());

// The readable reference: one signal [D] in fp64, least squares by SVD at every step.
SparseCodes omp_reference(const at::Tensor& signal, const at::Tensor& atoms, std::int64_t active);

}  // namespace energy_lens
