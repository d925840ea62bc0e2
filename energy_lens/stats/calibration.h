// Calibration of stated probabilities against outcomes (Guo et al. 2017; Brier 1950).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

struct CalibrationBin {
  std::int64_t count = 0;
  double mean_confidence = 0.0;  // 0 where the bin is empty
  double accuracy = 0.0;
};

struct Calibration {
  double ece = 0.0;       // sum over bins of (count / n) |accuracy - mean confidence|
  double brier = 0.0;     // mean (confidence - outcome)^2
  double log_loss = 0.0;  // nats; infinite when a certain prediction is wrong
  std::vector<CalibrationBin> bins;
};

// confidence [n] in [0, 1], correct [n]. Bin b of B holds ((b) / B, (b + 1) / B], the first also 0.
// Errors: Usage (empty, lengths differ, confidence outside [0, 1], bins < 1).
Calibration calibration(std::span<const double> confidence, const std::vector<bool>& correct, std::int64_t bins = 15);

}  // namespace energy_lens
