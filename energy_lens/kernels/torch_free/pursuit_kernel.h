// The loops over atoms that orthogonal matching pursuit spends its time in, for one instruction set. Arrays over atoms
// hold `padded` numbers, a multiple of kPursuitPadding; padding is zero.
#pragma once
#include <cstdint>

namespace energy_lens {

constexpr std::int64_t kPursuitPadding = 64;
constexpr std::int32_t kPursuitSteps = 32767;  // that the largest entry of a row has in its upper half

// One row of a Gram matrix in 32 bits an entry, the halves apart: unit (2^16 upper[i] + lower[i]), so that a pass that
// makes do with 16 bits reads half as much. Of 32 atoms the first and the last 16 take turns, PursuitKernel::turn atoms
// each: the order in which vectors of two rows are interleaved.
struct SplitRow {
  const std::int16_t* upper = nullptr;  // [padded]
  const std::int16_t* lower = nullptr;  // [padded]
};

// magnitudes |base - unit sum_j weights[j] upper_j| over the atoms: sums of integers that do not leave 31 bits while
// the magnitudes of the weights add up to less than 65,500.
struct PursuitScreen {
  const float* base = nullptr;                 // [padded]; NaN where an atom is out of question
  const std::int16_t* const* upper = nullptr;  // [2 pairs] halves of rows
  const std::uint32_t* weights = nullptr;      // [pairs] of two rows: 16 bits each, the first in the low half
  std::int64_t pairs = 0, padded = 0;
  float unit = 0.0f;
};

// The two largest magnitudes; `atom` has the first, and where the second is smaller it alone does.
struct PursuitLargest {
  float first = 0.0f, second = 0.0f;
  std::int64_t atom = -1;
};

struct PursuitKernel {
  const char* name;
  std::int64_t turn;
  // Where an atom's entry stands in a split row.
  std::int64_t position(std::int64_t atom) const {
    const std::int64_t within = atom % 32;
    return atom - within + within % 16 / turn * 2 * turn + within / 16 * turn + within % turn;
  }
  // Splits row [padded] in steps of 2^16 units; returns how many of them make 1, 0 where all is zero.
  float (*split)(const float* row, std::int64_t padded, std::int16_t* upper, std::int16_t* lower);
  // base [padded] -= factor (2^16 upper + lower).
  void (*subtract)(const SplitRow& row, float factor, std::int64_t padded, float* base);
  // Fills magnitudes [padded].
  PursuitLargest (*screen)(const PursuitScreen& screen, float* magnitudes);
  // The atoms whose magnitudes are at least `least`, in order; returns how many.
  std::int64_t (*find)(const float* magnitudes, std::int64_t padded, float least, std::int64_t* atoms);
};

const PursuitKernel& best_pursuit_kernel();
const PursuitKernel& generic_pursuit_kernel();

}  // namespace energy_lens
