#include "energy_lens/stats/normal.h"

#include <cmath>
#include <numbers>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double normal_quantile(double p) {
  if (!(p > 0.0 && p < 1.0)) {
    fail(ErrorKind::Usage, "normal_quantile", "got p = " + std::to_string(p) + ", expected a number in (0, 1)");
  }
  if (p > 0.5) return -normal_quantile(1.0 - p);
  // A start within 5e-4 (Abramowitz and Stegun 26.2.23), then Newton on log cdf, which is concave: it cannot overshoot.
  const double t = std::sqrt(-2.0 * std::log(p));
  double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  const double root_two_pi = std::sqrt(2.0 * std::numbers::pi);
  for (int step = 0; step < 6; ++step) {
    const double cdf = normal_cdf(z);
    const double density = std::exp(-0.5 * z * z) / root_two_pi;
    z -= (std::log(cdf) - std::log(p)) * cdf / density;
  }
  return z;
}

}  // namespace energy_lens
