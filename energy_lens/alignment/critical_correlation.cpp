#include "energy_lens/alignment/critical_correlation.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

// Simpson's rule for cos(theta)^power over [from, pi / 2].
double upper_integral(double from, double power) {
  constexpr int kIntervals = 4000;
  const double step = (std::numbers::pi / 2.0 - from) / kIntervals;
  double sum = 0.0;
  for (int i = 0; i <= kIntervals; ++i) {
    const double weight = i == 0 || i == kIntervals ? 1.0 : i % 2 == 1 ? 4.0 : 2.0;
    sum += weight * std::pow(std::max(0.0, std::cos(from + i * step)), power);
  }
  return sum * step / 3.0;
}

}  // namespace

double critical_correlation(std::int64_t n, double level) {
  if (n < 3 || !(level > 0.0 && level < 1.0)) {
    fail(ErrorKind::Usage, "critical_correlation",
         "got n " + std::to_string(n) + " and level " + std::to_string(level) +
             ", expected n >= 3 and a level inside (0, 1)");
  }
  const double power = static_cast<double>(n - 3), target = level * upper_integral(0.0, power);
  double low = 0.0, high = std::numbers::pi / 2.0;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2.0;
    (upper_integral(middle, power) > target ? low : high) = middle;
  }
  return std::sin(low);
}

}  // namespace energy_lens
