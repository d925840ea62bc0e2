#include "energy_lens/attractor/predict.h"

#include <cmath>
#include <map>

#include "energy_lens/core/error.h"
#include "energy_lens/stats/calibration.h"

namespace energy_lens {
namespace {

struct Rows {
  std::vector<std::int64_t> train, test;
  std::vector<std::size_t> test_document;  // [test rows] 0.. in order of first appearance
  std::size_t documents = 0;
};

Rows split_rows(const PredictionData& data) {
  const std::size_t n = data.outcome.size();
  if (data.document.size() != n || data.train.size() != n) {
    fail(ErrorKind::Usage, "predict_behaviour",
         "got " + std::to_string(data.document.size()) + " documents and " + std::to_string(data.train.size()) +
             " train flags, expected " + std::to_string(n) + ", one an outcome");
  }
  Rows rows;
  std::map<std::int64_t, bool> side;
  std::map<std::int64_t, std::size_t> number;
  for (std::size_t i = 0; i < n; ++i) {
    if (side.try_emplace(data.document[i], data.train[i]).first->second != data.train[i]) {
      fail(ErrorKind::Usage, "predict_behaviour",
           "got document " + std::to_string(data.document[i]) + " in training and held out; split whole documents");
    }
    (data.train[i] ? rows.train : rows.test).push_back(static_cast<std::int64_t>(i));
    if (!data.train[i]) rows.test_document.push_back(number.try_emplace(data.document[i], number.size()).first->second);
  }
  rows.documents = number.size();
  if (rows.train.empty() || rows.test.empty()) {
    fail(ErrorKind::Usage, "predict_behaviour",
         "got " + std::to_string(rows.train.size()) + " training and " + std::to_string(rows.test.size()) +
             " held-out rows, expected both; use more documents");
  }
  return rows;
}

std::int64_t positives(const PredictionData& data, const std::vector<std::int64_t>& rows) {
  std::int64_t count = 0;
  for (const std::int64_t row : rows) count += data.outcome[row];
  return count;
}

std::vector<bool> outcomes(const PredictionData& data, const std::vector<std::int64_t>& rows) {
  std::vector<bool> result;
  for (const std::int64_t row : rows) result.push_back(data.outcome[row]);
  return result;
}

PredictorScore score(const std::string& name, const std::vector<double>& probability, const std::vector<bool>& truth) {
  const Calibration c = calibration(probability, truth, 15);
  return {name, auc(probability, truth), c.log_loss, c.brier, c.ece};
}

double row_loss(double probability, bool outcome) {
  return -(outcome ? std::log(probability) : std::log1p(-probability));
}

Columns join(const Columns& a, const Columns& b) {
  Columns both = a;
  both.names.insert(both.names.end(), b.names.begin(), b.names.end());
  both.values.insert(both.values.end(), b.values.begin(), b.values.end());
  return both;
}

Columns columns_named(const Columns& columns, const std::string& name) {
  Columns chosen;
  for (std::size_t f = 0; f < columns.names.size(); ++f) {
    if (columns.names[f] != name) continue;
    chosen.names.push_back(name);
    chosen.values.push_back(columns.values.at(f));
  }
  return chosen;
}

void compare(PredictionReport& report, const Rows& rows, const std::vector<bool>& truth,
             const std::vector<double>& baseline, const std::vector<double>& full, const BootstrapOptions& options) {
  std::vector<double> difference(rows.documents, 0.0), weight(rows.documents, 0.0);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double gap = row_loss(full[i], truth[i]) - row_loss(baseline[i], truth[i]);
    difference[rows.test_document[i]] += gap;
    weight[rows.test_document[i]] += 1.0;
    report.log_loss_difference += gap / static_cast<double>(truth.size());
  }
  const Resamples resamples = document_resamples(static_cast<std::int64_t>(rows.documents), options);
  report.difference_interval = bootstrap_mean(resamples, difference, weight, options.level);
}

}  // namespace

PredictionReport predict_behaviour(const PredictionData& data, const LogisticOptions& fit,
                                   const BootstrapOptions& bootstrap) {
  const Rows rows = split_rows(data);
  const std::vector<bool> truth = outcomes(data, rows.test);
  PredictionReport report;
  report.train_rows = std::ssize(rows.train);
  report.train_positives = positives(data, rows.train);
  report.test_rows = std::ssize(rows.test);
  report.test_positives = positives(data, rows.test);
  report.test_documents = static_cast<std::int64_t>(rows.documents);
  report.degenerate = report.train_positives == 0 || report.train_positives == report.train_rows ||
                      report.test_positives == 0 || report.test_positives == report.test_rows;

  const auto held_out = [&](const Columns& columns) {
    return predict(fit_logistic(columns, data.outcome, rows.train, fit), columns, rows.test);
  };
  const double majority =
      (static_cast<double>(report.train_positives) + 0.5) / (static_cast<double>(report.train_rows) + 1.0);
  report.scores.push_back(score("majority", std::vector<double>(rows.test.size(), majority), truth));
  for (std::size_t f = 0; f < data.baselines.names.size(); ++f) {
    const std::string& name = data.baselines.names[f];
    if (f > 0 && data.baselines.names[f - 1] == name) continue;
    report.scores.push_back(score(name, held_out(columns_named(data.baselines, name)), truth));
  }
  const std::vector<double> baseline = held_out(data.baselines);
  const std::vector<double> full = held_out(join(data.baselines, data.attractor));
  report.scores.push_back(score("baselines", baseline, truth));
  report.scores.push_back(score("baselines + attractor", full, truth));
  compare(report, rows, truth, baseline, full, bootstrap);
  return report;
}

}  // namespace energy_lens
