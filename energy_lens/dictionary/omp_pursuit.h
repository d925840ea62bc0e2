// The pursuit of one row, given its correlations with every atom and the Gram matrix. Private to dictionary/.
#pragma once
#include <cstdint>
#include <vector>

#include "energy_lens/dictionary/split_gram.h"

namespace energy_lens {

// The atoms as the pursuit sees them. K atoms padded with zeros to P = a multiple of kPursuitPadding.
struct PursuitAtoms {
  const float* atoms = nullptr;  // [P, D]
  std::int64_t width = 0;        // D
  const SplitGram* gram = nullptr;
  std::int64_t active = 0;
  double floor = 0.0;      // correlations at or below floor * |x| are rounding, not signal
  double tolerance = 0.0;  // a row is finished when |residual| <= tolerance * |x|
};

// The support so far and its least-squares values. S slots. Triangles are stored both ways so that every inner loop is
// contiguous.
struct PursuitSupport {
  std::vector<std::int64_t> atoms;
  std::vector<double> coefficients;                       // [S]
  std::vector<double> inverse_rows, inverse_columns;      // [S, S] inverse Cholesky factor, and its transpose
  std::vector<double> gram_column, projected, direction;  // [S]
  std::int64_t size() const { return static_cast<std::int64_t>(atoms.size()); }
};

// What finding the largest correlation needs (omp_screening.h).
struct PursuitScreening {
  std::vector<float> base;                 // [P] correlations at the last rebase; NaN where an atom is out of question
  std::vector<double> based;               // [S] the coefficients that base has lost
  std::vector<const std::int16_t*> upper;  // [S + 1] halves of the support's rows, the last one twice
  std::vector<double> changes;             // [S]
  std::vector<std::uint32_t> weights;      // [(S + 1) / 2]
  std::vector<float> magnitudes;           // [P]
  std::vector<std::int64_t> candidates;    // [P]
  std::vector<std::int64_t> excluded;      // atoms chosen or passed over
};

// Working memory of one thread.
struct PursuitScratch {
  PursuitSupport support;
  PursuitScreening screening;
  // Room for these atoms; what is there is void.
  void fit(const PursuitAtoms& atoms);
};

// In fp64.
double dot(const float* a, const float* b, std::int64_t size);

// row [D] is the signal, start [P] its correlations with the atoms, norm = |row| in fp64. Fills ids [S] and values [S].
void pursue(const PursuitAtoms& atoms, const float* row, const float* start, double norm, PursuitScratch& scratch,
            std::int64_t* ids, float* values);

}  // namespace energy_lens
