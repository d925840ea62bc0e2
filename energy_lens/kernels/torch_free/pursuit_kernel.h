// The loop over atoms that orthogonal matching pursuit spends its time in, for one instruction set.
#pragma once
#include <cstdint>

namespace energy_lens {

// Correlations of what is left of one signal with every atom. Arrays of `padded` numbers, a multiple of
// kPursuitPadding; padding is zero.
struct PursuitUpdate {
  const float* start = nullptr;          // [padded] correlations of the signal itself
  const float* gram = nullptr;           // row k at k * gram_stride: products of atom k with every atom
  std::int64_t gram_stride = 0;          // numbers
  const std::int64_t* chosen = nullptr;  // [count] atoms chosen so far
  const float* coefficients = nullptr;   // [count]
  std::int64_t count = 0, padded = 0;
};

constexpr std::int64_t kPursuitPadding = 16;

struct LargestCorrelation {
  std::int64_t atom = -1;  // the lowest of equals
  float magnitude = 0.0f;
};

struct PursuitKernel {
  const char* name;
  // correlations [padded] = start - sum_j coefficients[j] gram[chosen[j]], terms in order, fused where the instruction
  // set can; returns the largest in magnitude.
  LargestCorrelation (*update)(const PursuitUpdate& update, float* correlations);
};

const PursuitKernel& best_pursuit_kernel();
const PursuitKernel& generic_pursuit_kernel();

}  // namespace energy_lens
