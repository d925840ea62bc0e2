// The two ends of the fused lens: from a row of the stream to what multiplies W_U, and from the sums over the
// vocabulary to everything measured.
#pragma once
#include <cstdint>

#include "energy_lens/kernels/torch_free/lens_kernel.h"

namespace energy_lens {

// unit = (x - mean) * inverse of a row.
struct LensNorm {
  double mean = 0.0, inverse = 0.0;
};

// One group of rows at one layer while a chunk is worked on.
struct LensGroup {
  const LensLayer* layer = nullptr;
  std::int64_t first = 0, count = 0;  // rows [first, first + count); the lanes beyond are zeros
  float* y = nullptr;                 // [D padded, lanes]
  float* o = nullptr;                 // [D padded, lanes] sum over v != t of e^(z - m) slope_v W_U[v], or null
  float* expected = nullptr;          // [D padded, lanes] sum over v of e^(zL - mL) slope_v W_U[v]; with a cap only
  LensNorm norms[kMostLanes];
  LensSums sums;
};

// Fills y and starts the sums. scratch [D padded, lanes].
void begin_group(const LensJob& job, const LensTiles& tiles, std::int64_t padded_width, LensGroup& group,
                 float* scratch);

// Writes the outputs of the group's layer; last is the same rows' group of the last layer. scratch [2 D].
void finish_group(const LensJob& job, const LensTiles& tiles, const LensGroup& group, const LensGroup& last,
                  double* scratch);

}  // namespace energy_lens
