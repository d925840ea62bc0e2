#include "energy_lens/attractor/logistic.h"

#include <algorithm>
#include <cmath>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

double sigmoid(double z) { return z >= 0.0 ? 1.0 / (1.0 + std::exp(-z)) : std::exp(z) / (1.0 + std::exp(z)); }

// log(1 + e^z)
double softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

// The problem on standardised columns; parameter 0 is the intercept.
struct Problem {
  std::size_t width = 1;
  std::vector<double> design;  // [rows, width], first column 1
  std::vector<double> outcome;
  double l2 = 0.0;

  double linear(std::size_t row, std::span<const double> parameters) const {
    double z = 0.0;
    for (std::size_t j = 0; j < width; ++j) z += design[row * width + j] * parameters[j];
    return z;
  }

  double objective(std::span<const double> parameters) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < outcome.size(); ++i) {
      const double z = linear(i, parameters);
      sum += softplus(z) - outcome[i] * z;
    }
    for (std::size_t j = 1; j < width; ++j) sum += 0.5 * l2 * parameters[j] * parameters[j];
    return sum;
  }

  void derivatives(std::span<const double> parameters, std::vector<double>& gradient,
                   std::vector<double>& hessian) const {
    gradient.assign(width, 0.0);
    hessian.assign(width * width, 0.0);
    for (std::size_t i = 0; i < outcome.size(); ++i) {
      const double p = sigmoid(linear(i, parameters));
      const double* row = &design[i * width];
      for (std::size_t j = 0; j < width; ++j) {
        gradient[j] += (p - outcome[i]) * row[j];
        for (std::size_t k = 0; k <= j; ++k) hessian[j * width + k] += p * (1.0 - p) * row[j] * row[k];
      }
    }
    for (std::size_t j = 1; j < width; ++j) {
      gradient[j] += l2 * parameters[j];
      hessian[j * width + j] += l2;
    }
  }
};

// Solves A x = b for symmetric A (lower triangle given) by Cholesky; a pivot lost to rounding is lifted, which only
// shortens the step along a direction the data do not determine.
std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
  const std::size_t n = b.size();
  double largest = 0.0;
  for (std::size_t j = 0; j < n; ++j) largest = std::max(largest, a[j * n + j]);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) a[j * n + j] -= a[j * n + k] * a[j * n + k];
    a[j * n + j] = std::sqrt(std::max({a[j * n + j], 1e-13 * largest, 1e-300}));
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = 0; k < j; ++k) a[i * n + j] -= a[i * n + k] * a[j * n + k];
      a[i * n + j] /= a[j * n + j];
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) b[j] -= a[j * n + k] * b[k];
    b[j] /= a[j * n + j];
  }
  for (std::size_t j = n; j-- > 0;) {
    for (std::size_t i = j + 1; i < n; ++i) b[j] -= a[i * n + j] * b[i];
    b[j] /= a[j * n + j];
  }
  return b;
}

void check(const Columns& columns, const std::vector<bool>& outcome, std::span<const std::int64_t> rows, double l2) {
  if (rows.empty() || columns.names.size() != columns.values.size() || !(l2 >= 0.0)) {
    fail(ErrorKind::Usage, "fit_logistic",
         "got " + std::to_string(rows.size()) + " rows, " + std::to_string(columns.names.size()) + " names for " +
             std::to_string(columns.values.size()) + " columns and l2 " + std::to_string(l2) +
             ", expected at least one row, a name a column and l2 >= 0");
  }
  for (std::size_t f = 0; f < columns.values.size(); ++f) {
    if (columns.values[f].size() != outcome.size()) {
      fail(ErrorKind::Usage, "fit_logistic",
           "got " + std::to_string(columns.values[f].size()) + " values of '" + columns.names[f] + "', expected " +
               std::to_string(outcome.size()) + ", one an outcome");
    }
    for (std::size_t i = 0; i < outcome.size(); ++i) {
      if (!std::isfinite(columns.values[f][i])) {
        fail(ErrorKind::BadInput, "fit_logistic",
             "got " + std::to_string(columns.values[f][i]) + " in column '" + columns.names[f] + "', row " +
                 std::to_string(i) + ", expected a finite number");
      }
    }
  }
}

void standardise(Logistic& model, const Columns& columns, std::span<const std::int64_t> rows) {
  const double n = static_cast<double>(rows.size());
  for (const std::vector<double>& column : columns.values) {
    double mean = 0.0, square = 0.0;
    for (const std::int64_t row : rows) mean += column[row] / n;
    for (const std::int64_t row : rows) square += (column[row] - mean) * (column[row] - mean) / n;
    const double deviation = std::sqrt(square);
    const bool constant = deviation <= 1e-12 * std::max(1.0, std::abs(mean));
    model.centre.push_back(mean);
    model.scale.push_back(constant ? 1.0 : deviation);
    model.weights.push_back(constant ? 0.0 : 1.0);  // 1 marks a column that takes part; replaced by the fit
  }
}

Problem make_problem(const Logistic& model, const Columns& columns, const std::vector<bool>& outcome,
                     std::span<const std::int64_t> rows, double l2) {
  Problem problem;
  problem.l2 = l2;
  for (const double used : model.weights) problem.width += used != 0.0;
  for (const std::int64_t row : rows) {
    problem.design.push_back(1.0);
    for (std::size_t f = 0; f < model.weights.size(); ++f) {
      if (model.weights[f] == 0.0) continue;
      problem.design.push_back((columns.values[f][row] - model.centre[f]) / model.scale[f]);
    }
    problem.outcome.push_back(outcome[row] ? 1.0 : 0.0);
  }
  return problem;
}

// Newton's method; a step that does not lower the objective is halved. Returns the parameters.
std::vector<double> minimise(const Problem& problem, const LogisticOptions& options, Logistic& model) {
  std::vector<double> parameters(problem.width, 0.0), gradient, hessian;
  double value = problem.objective(parameters);
  const double limit = options.tolerance * static_cast<double>(problem.outcome.size());
  while (true) {
    problem.derivatives(parameters, gradient, hessian);
    model.converged = std::ranges::all_of(gradient, [&](double g) { return std::abs(g) <= limit; });
    if (model.converged || model.iterations == options.max_iterations) return parameters;
    const std::vector<double> step = solve(hessian, gradient);
    double length = 1.0, lower = value;
    std::vector<double> trial(parameters.size());
    for (int halving = 0; halving < 40; ++halving, length *= 0.5) {
      for (std::size_t j = 0; j < step.size(); ++j) trial[j] = parameters[j] - length * step[j];
      lower = problem.objective(trial);
      if (lower <= value) break;
    }
    if (!(lower <= value)) return parameters;
    parameters = trial;
    value = lower;
    ++model.iterations;
  }
}

}  // namespace

double Logistic::probability(std::span<const double> row) const {
  EL_ASSERT(row.size() == weights.size());
  double z = intercept;
  for (std::size_t f = 0; f < row.size(); ++f) z += weights[f] * (row[f] - centre[f]) / scale[f];
  return std::clamp(sigmoid(z), 1e-12, 1.0 - 1e-12);
}

Logistic fit_logistic(const Columns& columns, const std::vector<bool>& outcome, std::span<const std::int64_t> rows,
                      const LogisticOptions& options) {
  check(columns, outcome, rows, options.l2);
  Logistic model;
  standardise(model, columns, rows);
  const auto positives = std::ranges::count_if(rows, [&](std::int64_t row) { return outcome[row]; });
  if (positives == 0 || positives == std::ssize(rows)) {
    const double share = (static_cast<double>(positives) + 0.5) / (static_cast<double>(rows.size()) + 1.0);
    model.intercept = std::log(share / (1.0 - share));
    std::ranges::fill(model.weights, 0.0);
    model.converged = true;
    return model;
  }
  const std::vector<double> parameters =
      minimise(make_problem(model, columns, outcome, rows, options.l2), options, model);
  model.intercept = parameters[0];
  std::size_t next = 1;
  for (double& weight : model.weights) {
    if (weight != 0.0) weight = parameters[next++];
  }
  return model;
}

std::vector<double> predict(const Logistic& model, const Columns& columns, std::span<const std::int64_t> rows) {
  std::vector<double> result, row(columns.values.size());
  for (const std::int64_t i : rows) {
    for (std::size_t f = 0; f < row.size(); ++f) row[f] = columns.values[f][i];
    result.push_back(model.probability(row));
  }
  return result;
}

}  // namespace energy_lens
