#include "energy_lens/stats/calibration.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

void check(std::span<const double> confidence, std::size_t outcomes, std::int64_t bins) {
  if (confidence.empty() || confidence.size() != outcomes || bins < 1) {
    fail(ErrorKind::Usage, "calibration",
         "got " + std::to_string(confidence.size()) + " confidences, " + std::to_string(outcomes) + " outcomes and " +
             std::to_string(bins) + " bins, expected equal positive numbers and at least one bin");
  }
  for (const double value : confidence) {
    if (value >= 0.0 && value <= 1.0) continue;
    fail(ErrorKind::Usage, "calibration", "got confidence " + std::to_string(value) + ", expected [0, 1]");
  }
}

}  // namespace

Calibration calibration(std::span<const double> confidence, const std::vector<bool>& correct, std::int64_t bins) {
  check(confidence, correct.size(), bins);
  Calibration result;
  result.bins.resize(static_cast<std::size_t>(bins));
  const double n = static_cast<double>(confidence.size());
  for (std::size_t i = 0; i < confidence.size(); ++i) {
    const double outcome = correct[i] ? 1.0 : 0.0;
    const double slot = std::ceil(confidence[i] * static_cast<double>(bins)) - 1.0;
    CalibrationBin& bin = result.bins[static_cast<std::size_t>(std::max(0.0, slot))];
    ++bin.count;
    bin.mean_confidence += confidence[i];
    bin.accuracy += outcome;
    result.brier += (confidence[i] - outcome) * (confidence[i] - outcome) / n;
    result.log_loss -= (correct[i] ? std::log(confidence[i]) : std::log1p(-confidence[i])) / n;
  }
  for (CalibrationBin& bin : result.bins) {
    if (bin.count == 0) continue;
    result.ece += std::abs(bin.accuracy - bin.mean_confidence) / n;
    bin.mean_confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return result;
}

}  // namespace energy_lens
