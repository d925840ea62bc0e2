// Circular shift inside documents: the secondary null. Each document's s is turned round its own window by a random
// amount against its a, so levels and autocorrelation of both stay while their positions no longer meet; a trend over
// positions that a and s share does not survive a shift, so it must be removed first, and the seam where the window's
// end meets its start makes the test approximate unless the series are stationary on the circle. With
// c_d(h) = sum_t a[d, t] s[d, (t + h) mod T] the statistic is that of stats/permutation.h,
//   T = sum_d c_d(h_d) / sqrt(sum_d c_d(h_d)^2),   p = (b + 1) / (P + 1), two-sided.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

// h of document d under shift p is index[d * count + p], uniform on 0..T-1: draw d of Philox(seed, "circular-shift",
// p). All features share them.
struct CircularShifts {
  std::int64_t documents = 0;
  std::int64_t tokens = 0;
  std::int64_t count = 0;
  std::vector<std::uint16_t> index;  // [D, P]

  const std::uint16_t* of(std::int64_t document) const { return index.data() + document * count; }
};

// Errors: Usage (no document, tokens outside 1..65,536, count < 1).
CircularShifts circular_shifts(std::int64_t documents, std::int64_t tokens, std::int64_t count, std::uint64_t seed);

struct ShiftTest {
  double statistic = 0.0;  // T of the data; 0 where every c_d is
  double p = 1.0;
};

// a, s [D, T] within-document series. Runs on the calling thread.
ShiftTest circular_shift_test(std::span<const double> a, std::span<const double> s, const CircularShifts& shifts);

}  // namespace energy_lens
