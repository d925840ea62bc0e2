#include "energy_lens/alignment/direction_control.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kFewestDraws = 20;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Features whose rows may be borrowed, from rare to dense.
std::vector<std::int64_t> by_density(const DirectionControlInput& input) {
  std::vector<std::int64_t> order;
  for (std::size_t k = 0; k < input.direction_norms.size(); ++k) {
    if (input.direction_norms[k] > 0.0) order.push_back(static_cast<std::int64_t>(k));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t i, std::int64_t j) { return input.active_tokens[i] < input.active_tokens[j]; });
  return order;
}

std::vector<std::int64_t> borrowed_rows(std::int64_t feature, std::span<const std::int64_t> order, std::int64_t draws,
                                        std::uint64_t seed) {
  const auto size = static_cast<std::int64_t>(order.size());
  const auto found = std::find(order.begin(), order.end(), feature);
  const std::int64_t rank = found - order.begin(), pool = std::min(size, 2 * draws + 1);
  const std::int64_t begin = std::clamp<std::int64_t>(rank - draws, 0, size - pool);
  std::vector<std::int64_t> rows(order.begin() + begin, order.begin() + begin + pool);
  std::erase(rows, feature);
  Philox(seed, "shuffled-decoder", static_cast<std::uint64_t>(feature)).shuffle(rows);
  rows.resize(static_cast<std::size_t>(std::min<std::int64_t>(draws, static_cast<std::int64_t>(rows.size()))));
  return rows;
}

double borrowed_score(const DirectionControlInput& input, std::size_t f, std::int64_t row) {
  const double* product = input.products.data() + f * input.d_model;
  const double* direction = input.directions.data() + row * input.d_model;
  const double covariance = std::inner_product(product, product + input.d_model, direction, 0.0);
  return std::abs(covariance) / (input.activation_norms[f] * input.direction_norms[row]);
}

}  // namespace

DirectionControl direction_control(const DirectionControlInput& input, std::int64_t draws, std::uint64_t seed) {
  const std::size_t n = input.tested.size();
  EL_ASSERT(input.own.size() == n && input.activation_norms.size() == n);
  EL_ASSERT(input.products.size() == n * static_cast<std::size_t>(input.d_model));
  const std::vector<std::int64_t> order = by_density(input);
  DirectionControl control;
  for (std::vector<double>* column : {&control.mean, &control.sd, &control.z, &control.max_t}) column->assign(n, kNaN);
  control.draws = std::min<std::int64_t>(draws, static_cast<std::int64_t>(order.size()) - 1);
  if (control.draws < kFewestDraws) return control;
  std::vector<double> borrowed(n * control.draws, kNaN);
  parallel_blocks(static_cast<std::int64_t>(n), [&](std::int64_t f) {
    if (!(input.activation_norms[f] > 0.0) || std::isnan(input.own[f])) return;
    const std::vector<std::int64_t> rows = borrowed_rows(input.tested[f], order, draws, seed);
    const std::span<double> scores = std::span<double>(borrowed).subspan(f * control.draws, control.draws);
    for (std::size_t b = 0; b < scores.size(); ++b) scores[b] = borrowed_score(input, f, rows[b]);
    const double count = static_cast<double>(scores.size());
    double mean = 0.0, variance = 0.0;
    for (const double score : scores) mean += score / count;
    for (const double score : scores) variance += (score - mean) * (score - mean) / (count - 1.0);
    if (!(variance > 1e-24)) return;  // rows that differ by rounding only tell nothing apart
    control.mean[f] = mean;
    control.sd[f] = std::sqrt(variance);
    control.z[f] = (std::abs(input.own[f]) - mean) / control.sd[f];
    for (double& score : scores) score = (score - mean) / control.sd[f];
  });
  std::vector<double> maxima(static_cast<std::size_t>(control.draws), -std::numeric_limits<double>::infinity());
  for (std::size_t f = 0; f < n; ++f) {
    if (std::isnan(control.z[f])) continue;
    for (std::size_t b = 0; b < maxima.size(); ++b) maxima[b] = std::max(maxima[b], borrowed[f * maxima.size() + b]);
  }
  for (std::size_t f = 0; f < n; ++f) {
    if (std::isnan(control.z[f])) continue;
    const auto reached = std::count_if(maxima.begin(), maxima.end(), [&](double m) { return m >= control.z[f]; });
    control.max_t[f] = static_cast<double>(reached + 1) / static_cast<double>(control.draws + 1);
  }
  return control;
}

}  // namespace energy_lens
