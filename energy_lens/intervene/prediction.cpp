#include "energy_lens/intervene/prediction.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {

double first_order_change(const at::Tensor& change, const at::Tensor& direction, const at::Tensor& gradient) {
  check_shape("first_order_change", "gradient", gradient, {{"T"}, {"D"}});
  check_shape("first_order_change", "change", change, {{"T", gradient.size(0)}});
  check_shape("first_order_change", "direction", direction, {{"D", gradient.size(1)}});
  const at::Tensor g = gradient.to(at::kDouble).contiguous(), d = direction.to(at::kDouble).contiguous(),
                   c = change.to(at::kDouble).contiguous();
  double sum = 0.0;
  for (std::int64_t t = 0; t < g.size(0); ++t) {
    const double weight = c.data_ptr<double>()[t];
    if (weight == 0.0) continue;
    const double* const row = g.data_ptr<double>() + t * g.size(1);
    double slope = 0.0;
    for (std::int64_t j = 0; j < g.size(1); ++j) slope += row[j] * d.data_ptr<double>()[j];
    sum += weight * slope;
  }
  return sum;
}

double second_order_change(const at::Tensor& change, const at::Tensor& direction, const at::Tensor& gradient,
                           std::span<const at::Tensor> drawn) {
  double squares = 0.0;
  for (const at::Tensor& one : drawn) {
    const double slope = first_order_change(change, direction, one);
    squares += slope * slope / static_cast<double>(drawn.size());
  }
  return first_order_change(change, direction, gradient) + 0.5 * squares;
}

double integrated_change(const Model& model, const Baseline& baseline, const at::Tensor& change,
                         const at::Tensor& direction, int steps) {
  std::vector<double> parts(static_cast<std::size_t>(steps));
  parallel_blocks(steps, [&](std::int64_t step) {
    const double share = (static_cast<double>(step) + 0.5) / steps;
    const at::Tensor stream = add_along(baseline.resid, change * share, direction);
    const at::Tensor gradient = full_total_gradient(model, baseline.layer, stream, baseline.ids);
    parts[static_cast<std::size_t>(step)] = first_order_change(change, direction, gradient) / steps;
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

at::Tensor fisher_importance(const SparseCodes& codes, const at::Tensor& atoms, const at::Tensor& gradients) {
  check_shape("fisher_importance", "codes", codes.atoms, {{"N"}, {"S"}});
  const std::int64_t rows = codes.atoms.size(0), slots = codes.atoms.size(1), width = atoms.size(1);
  check_shape("fisher_importance", "gradients", gradients, {{"N", rows}, {"D", width}});
  check_shape("fisher_importance", "values", codes.values, {{"N", rows}, {"S", slots}});
  if (codes.atoms.ge(atoms.size(0)).any().item<bool>()) {
    fail(
        ErrorKind::BadInput, "fisher_importance",
        "got a code beyond the last of " + std::to_string(atoms.size(0)) + " atoms, expected codes of this dictionary");
  }
  const at::Tensor used = codes.atoms.contiguous(), value = codes.values.to(at::kDouble).contiguous(),
                   g = gradients.to(at::kFloat).contiguous(), d = atoms.to(at::kFloat).contiguous();
  at::Tensor terms = at::zeros({rows, slots}, at::kDouble);
  parallel_blocks(rows, [&](std::int64_t n) {
    const float* const gradient = g.data_ptr<float>() + n * width;
    for (std::int64_t s = n * slots; s < (n + 1) * slots; ++s) {
      const std::int64_t k = used.data_ptr<std::int64_t>()[s];
      if (k < 0) continue;
      const float* const atom = d.data_ptr<float>() + k * width;
      double slope = 0.0;
      for (std::int64_t j = 0; j < width; ++j) slope += static_cast<double>(atom[j]) * gradient[j];
      const double effect = value.data_ptr<double>()[s] * slope;
      terms.data_ptr<double>()[s] = 0.5 * effect * effect / static_cast<double>(rows);
    }
  });
  at::Tensor importance = at::zeros({d.size(0)}, at::kDouble);
  for (std::int64_t s = 0; s < rows * slots; ++s) {
    const std::int64_t k = used.data_ptr<std::int64_t>()[s];
    if (k >= 0) importance.data_ptr<double>()[k] += terms.data_ptr<double>()[s];
  }
  return importance;
}

Agreement agreement(std::span<const double> predicted, std::span<const double> measured) {
  const double r = pearson(predicted, measured);
  Agreement result;
  result.count = std::ssize(predicted);
  result.r_squared = r * r;
  result.spearman = spearman(predicted, measured);
  const double n = static_cast<double>(result.count);
  double mean_p = 0.0, mean_m = 0.0, pp = 0.0, pm = 0.0, same = 0.0, signed_pairs = 0.0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    mean_p += predicted[i] / n;
    mean_m += measured[i] / n;
    if (predicted[i] == 0.0 || measured[i] == 0.0) continue;
    signed_pairs += 1.0;
    same += (predicted[i] > 0.0) == (measured[i] > 0.0);
  }
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    pp += (predicted[i] - mean_p) * (predicted[i] - mean_p);
    pm += (predicted[i] - mean_p) * (measured[i] - mean_m);
  }
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  // r is NaN exactly where a series is constant up to the rounding of its mean: no slope can be told there.
  result.slope = std::isnan(r) ? nan : pm / pp;
  result.intercept = mean_m - result.slope * mean_p;
  result.sign_agreement = signed_pairs > 0.0 ? same / signed_pairs : nan;
  return result;
}

}  // namespace energy_lens
