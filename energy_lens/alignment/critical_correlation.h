// The smallest |r| of n independent pairs that a two-sided test at a level rejects, under normality.
#pragma once
#include <cstdint>

namespace energy_lens {

// By integrating the exact density of r = sin(theta), proportional to cos(theta)^(n - 3). Absolute error below 1e-9.
// Errors: Usage (n < 3, level outside (0, 1)).
double critical_correlation(std::int64_t n, double level = 0.05);

}  // namespace energy_lens
