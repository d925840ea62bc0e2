// One-sample Kolmogorov-Smirnov test against the uniform distribution on [0, 1]: are p-values of a true null uniform?
#pragma once
#include <cstdint>
#include <span>

namespace energy_lens {

struct KsTest {
  double statistic = 0.0;  // sup |F_n - F|
  double p = 1.0;          // two-sided
};

// values in [0, 1]. Errors: Usage (empty, or a value outside).
KsTest ks_uniform(std::span<const double> values);

// P(D_n >= statistic): exact (Marsaglia, Tsang and Wang 2003) for n <= 200, Vrbik's corrected limit (2018) above.
double ks_p_value(double statistic, std::int64_t n);

}  // namespace energy_lens
