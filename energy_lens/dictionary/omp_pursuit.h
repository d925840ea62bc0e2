// The pursuit of one row, given its correlations with every atom and the Gram matrix. Private to dictionary/.
#pragma once
#include <cstdint>
#include <vector>

#include "energy_lens/kernels/torch_free/pursuit_kernel.h"

namespace energy_lens {

// The atoms as the pursuit sees them. K atoms padded with zeros to P = a multiple of kPursuitPadding.
struct PursuitAtoms {
  std::int64_t count = 0, padded = 0, width = 0;  // K, P, D
  const float* atoms = nullptr;                   // [K, D]
  const float* gram = nullptr;                    // [K, P], rows gram_stride apart
  std::int64_t gram_stride = 0;
  std::int64_t active = 0;
  double floor = 0.0;      // correlations at or below floor * |x| are rounding, not signal
  double tolerance = 0.0;  // a row is finished when |residual| <= tolerance * |x|
};

// Scratch of one thread, allocated once a block. Triangles are stored both ways so that every inner loop is contiguous.
struct PursuitScratch {
  explicit PursuitScratch(const PursuitAtoms& atoms);
  std::vector<float> correlations;                    // [P]
  std::vector<double> inverse_rows, inverse_columns;  // [S, S] inverse Cholesky factor, and its transpose
  std::vector<double> gram_column, projected, coefficients, direction;  // [S]
  std::vector<float> rounded;                                           // [S] coefficients as the correlations see them
  std::vector<std::int64_t> support, excluded;                          // chosen; chosen or skipped
};

// row [D] is the signal, start [P] its correlations with the atoms, norm = |row| in fp64. Fills ids [S] and values [S].
void pursue(const PursuitAtoms& atoms, const float* row, const float* start, double norm, PursuitScratch& scratch,
            std::int64_t* ids, float* values);

}  // namespace energy_lens
