// Binary logistic regression with an L2 penalty, fitted by Newton's method (IRLS) in fp64. Columns are standardised on
// the training rows, so one penalty fits columns of any scale; the intercept is not penalised.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace energy_lens {

// Named columns of N rows.
struct Columns {
  std::vector<std::string> names;           // [F]
  std::vector<std::vector<double>> values;  // [F][N]
};

struct LogisticOptions {
  double l2 = 1.0;  // minimises sum_i loss_i + l2 / 2 |w|^2, w on the standardised columns
  std::int64_t max_iterations = 100;
  double tolerance = 1e-9;  // largest component of the gradient, per training row
};

struct Logistic {
  double intercept = 0.0;
  std::vector<double> weights;  // on the standardised columns; 0 for a column constant in training
  std::vector<double> centre;   // training mean of each column
  std::vector<double> scale;    // training standard deviation, 1 for a constant column
  std::int64_t iterations = 0;
  bool converged = false;

  // P(outcome) of one row of raw values [F], kept inside [1e-12, 1 - 1e-12].
  double probability(std::span<const double> row) const;
};

// Rows of `columns` named by `rows`, outcomes [N]. With one class in training the weights are 0 and the probability is
// (positives + 1/2) / (rows + 1). Errors: Usage (no row, lengths differ, l2 < 0), BadInput (NaN or Inf, naming column
// and row).
Logistic fit_logistic(const Columns& columns, const std::vector<bool>& outcome, std::span<const std::int64_t> rows,
                      const LogisticOptions& options = {});

// Probabilities of the named rows, in order.
std::vector<double> predict(const Logistic& model, const Columns& columns, std::span<const std::int64_t> rows);

}  // namespace energy_lens
