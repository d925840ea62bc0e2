// The standard normal distribution, for intervals and asymptotic p-values.
#pragma once

namespace energy_lens {

double normal_cdf(double z);

// z with normal_cdf(z) = p; p in (0, 1), otherwise Error{Usage}. Absolute error below 1e-12 for p in [1e-300, 1 -
// 1e-16].
double normal_quantile(double p);

}  // namespace energy_lens
