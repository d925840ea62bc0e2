// One-sample Kolmogorov-Smirnov test against the uniform distribution on [0, 1]: are p-values of a true null uniform?
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"

namespace energy_lens::testing {
namespace ks {

using Matrix = std::vector<double>;  // square, row-major

inline Matrix multiply(const Matrix& a, const Matrix& b, std::size_t m) {
  Matrix c(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t j = 0; j < m; ++j) c[i * m + j] += a[i * m + k] * b[k * m + j];
    }
  }
  return c;
}

inline double factorial(std::size_t n) { return std::tgamma(static_cast<double>(n) + 1.0); }

// Marsaglia's matrix H for n d = k - h, k = ceil(n d): lower-Hessenberg of 1/j! with corrected first column, last row.
inline Matrix marsaglia_matrix(std::size_t k, double h) {
  const std::size_t m = 2 * k - 1;
  Matrix matrix(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m && j <= i + 1; ++j) {
      double value = 1.0;
      if (j == 0) value -= std::pow(h, static_cast<double>(i + 1));
      if (i == m - 1) value -= std::pow(h, static_cast<double>(m - j));
      if (j == 0 && i == m - 1 && 2.0 * h > 1.0) value += std::pow(2.0 * h - 1.0, static_cast<double>(m));
      matrix[i * m + j] = value / factorial(i + 1 - j);
    }
  }
  return matrix;
}

// P(D_n < d) = n!/n^n (H^n)[k-1, k-1]; n! / n^n is spread over the n factors to stay in range.
inline double exact_cdf(double d, std::int64_t n) {
  const double nd = static_cast<double>(n) * d;
  const auto k = static_cast<std::size_t>(nd) + 1;
  const std::size_t m = 2 * k - 1;
  const Matrix h = marsaglia_matrix(k, static_cast<double>(k) - nd);
  Matrix power(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) power[i * m + i] = 1.0;
  for (std::int64_t i = 1; i <= n; ++i) {
    power = multiply(power, h, m);
    for (double& value : power) value *= static_cast<double>(i) / static_cast<double>(n);
  }
  return power[(k - 1) * m + k - 1];
}

inline double asymptotic_p(double statistic, std::int64_t n) {
  const double root = std::sqrt(static_cast<double>(n));
  const double limit = root * statistic;
  const double x = limit + 1.0 / (6.0 * root) + (limit - 1.0) / (4.0 * static_cast<double>(n));
  if (x < 0.2) return 1.0;  // the series below has not converged there, and the probability is 1 to 1e-12
  double sum = 0.0;
  for (int j = 1; j <= 100; ++j) sum += (j % 2 == 1 ? 2.0 : -2.0) * std::exp(-2.0 * j * j * x * x);
  return std::clamp(sum, 0.0, 1.0);
}

}  // namespace ks

struct KsTest {
  double statistic = 0.0;  // sup |F_n - F|
  double p = 1.0;          // two-sided
};

// P(D_n >= statistic): exact (Marsaglia, Tsang and Wang 2003) for n <= 200, Vrbik's corrected limit (2018) above.
inline double ks_p_value(double statistic, std::int64_t n) {
  if (statistic <= 0.0) return 1.0;
  if (statistic >= 1.0) return 0.0;
  constexpr std::int64_t kExactUpTo = 200;
  // Beyond this the exact p is below 1e-13 and its matrix is large; the asymptotic form is as good as zero there.
  const bool extreme = static_cast<double>(n) * statistic * statistic > 18.0;
  if (n > kExactUpTo || extreme) return ks::asymptotic_p(statistic, n);
  return std::clamp(1.0 - ks::exact_cdf(statistic, n), 0.0, 1.0);
}

// values in [0, 1]. Errors: Usage (empty, or a value outside).
inline KsTest ks_uniform(std::span<const double> values) {
  if (values.empty()) fail(ErrorKind::Usage, "ks_uniform", "got no values, expected at least one");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  if (!(sorted.front() >= 0.0 && sorted.back() <= 1.0)) {
    fail(ErrorKind::Usage, "ks_uniform", "got a value outside [0, 1], expected p-values");
  }
  const double n = static_cast<double>(sorted.size());
  KsTest test;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double above = static_cast<double>(i + 1) / n - sorted[i], below = sorted[i] - static_cast<double>(i) / n;
    test.statistic = std::max({test.statistic, above, below});
  }
  test.p = ks_p_value(test.statistic, static_cast<std::int64_t>(sorted.size()));
  return test;
}

}  // namespace energy_lens::testing
