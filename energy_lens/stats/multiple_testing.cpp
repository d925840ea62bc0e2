#include "energy_lens/stats/multiple_testing.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

// Indices of the tested hypotheses, smallest p first; equal p-values by index, so the order is one and the same.
std::vector<std::size_t> ascending(const char* operation, std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (std::isnan(p[i])) continue;
    if (p[i] < 0.0 || p[i] > 1.0) {
      fail(ErrorKind::Usage, operation, "got p = " + std::to_string(p[i]) + ", expected [0, 1] or NaN for not tested");
    }
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p[i] < p[j]; });
  return order;
}

std::vector<double> step_up(const char* operation, std::span<const double> p, bool any_dependence) {
  const std::vector<std::size_t> order = ascending(operation, p);
  const std::size_t m = order.size();
  double factor = 1.0;
  if (any_dependence) {
    factor = 0.0;
    for (std::size_t i = 1; i <= m; ++i) factor += 1.0 / static_cast<double>(i);
  }
  std::vector<double> q(p.begin(), p.end());
  double smallest = 1.0;
  for (std::size_t i = m; i-- > 0;) {
    smallest = std::min(smallest, factor * p[order[i]] * static_cast<double>(m) / static_cast<double>(i + 1));
    q[order[i]] = smallest;
  }
  return q;
}

}  // namespace

std::vector<double> holm(std::span<const double> p) {
  const std::vector<std::size_t> order = ascending("holm", p);
  std::vector<double> q(p.begin(), p.end());
  double largest = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, p[order[i]] * static_cast<double>(order.size() - i)));
    q[order[i]] = largest;
  }
  return q;
}

std::vector<double> benjamini_hochberg(std::span<const double> p) { return step_up("benjamini_hochberg", p, false); }

std::vector<double> benjamini_yekutieli(std::span<const double> p) { return step_up("benjamini_yekutieli", p, true); }

}  // namespace energy_lens
