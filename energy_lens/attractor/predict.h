// Does attractor analysis predict behaviour? A yes/no outcome of a prompt (it enters a cycle within N tokens) is
// predicted from columns computed on the prompt alone, by logistic regression fitted on some documents and scored on
// others. The claim is the log-loss of [baselines + attractor] against [baselines], paired by document.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "energy_lens/attractor/logistic.h"
#include "energy_lens/stats/bootstrap.h"

namespace energy_lens {

struct PredictionData {
  std::vector<bool> outcome;           // [N]
  std::vector<std::int64_t> document;  // [N] any ids; the unit of the split and of the bootstrap
  std::vector<bool> train;             // [N] equal for all rows of a document
  Columns baselines;                   // columns of N; neighbours of one name are one predictor
  Columns attractor;                   // columns of N
};

struct PredictorScore {
  std::string name;       // "majority", "<name>", "baselines", "baselines + attractor"
  double auc = 0.0;       // NaN when the held-out rows have one class
  double log_loss = 0.0;  // nats a row
  double brier = 0.0;
  double ece = 0.0;  // 15 bins
};

struct PredictionReport {
  std::int64_t train_rows = 0, train_positives = 0, test_rows = 0, test_positives = 0, test_documents = 0;
  std::vector<PredictorScore> scores;  // majority, each baseline alone, baselines, baselines + attractor
  double log_loss_difference = 0.0;    // [baselines + attractor] - [baselines]: negative when the attractor helps
  Interval difference_interval;        // paired bootstrap over held-out documents
  // One class in training or in the held-out rows: there was nothing to predict, and no score is evidence.
  bool degenerate = false;
};

// The majority predictor states (positives + 1/2) / (rows + 1) of the training rows.
// Errors: Usage (no training or no held-out row, a document on both sides, lengths differ); those of fit_logistic.
PredictionReport predict_behaviour(const PredictionData& data, const LogisticOptions& fit = {},
                                   const BootstrapOptions& bootstrap = {});

}  // namespace energy_lens
