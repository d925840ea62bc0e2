#include "energy_lens/experiment/edit_agreement.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/stats/bootstrap.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr double kDoses[] = {-2.0, -1.0, -0.5, -0.1, -0.01, 0.1, 0.5, 1.0, 2.0, 4.0};

// The squares of an interval of r: where it holds 0, so does that of R^2.
Interval squared(const Interval& r) {
  const double low = r.low * r.low, high = r.high * r.high;
  return {r.low * r.high > 0.0 ? std::min(low, high) : 0.0, std::max(low, high)};
}

// 95 % interval of R^2, from r: the square itself folds at 0 and would leave its own estimate out. A document brings
// all its features along.
Interval r2_interval(const DosePairs& pairs, std::int64_t documents, const StudyConfig& config) {
  std::vector<std::vector<std::size_t>> of_document(static_cast<std::size_t>(documents));
  for (std::size_t i = 0; i < pairs.document.size(); ++i) of_document[pairs.document[i]].push_back(i);
  const auto r = [&](std::span<const std::int32_t> drawn) {
    std::vector<double> predicted, measured;
    for (const std::int32_t d : drawn) {
      for (const std::size_t i : of_document[d]) {
        predicted.push_back(pairs.predicted[i]);
        measured.push_back(pairs.measured[i]);
      }
    }
    return pearson(predicted, measured);
  };
  return squared(bootstrap_interval(document_resamples(documents, config.bootstrap_options()), r));
}

}  // namespace

std::vector<double> intervention_doses() { return {std::begin(kDoses), std::end(kDoses)}; }

void add_doses(std::map<double, DosePairs>& doses, const StudyData& data, const EditDocument& document,
               const at::Tensor& direction, std::int64_t feature, std::int64_t index) {
  at::Tensor active = feature_activations(document.codes, feature);
  active.narrow(0, 0, data.first_position).zero_();
  if (!active.any().item<bool>()) return;
  for (const DosePoint& point :
       dose_response(*data.model, document.baseline, active, direction, document.full_gradient, kDoses)) {
    doses[point.dose].predicted.push_back(point.predicted);
    doses[point.dose].measured.push_back(point.total);
    doses[point.dose].document.push_back(index);
  }
}

Json doses_json(const std::map<double, DosePairs>& doses, std::int64_t layer, std::int64_t documents,
                const StudyConfig& config) {
  Json rows = Json::array();
  for (const auto& [dose, pairs] : doses) {
    const Agreement a = agreement(pairs.predicted, pairs.measured);
    rows.push_back({{"layer", layer},
                    {"dose", dose},
                    {"slope", a.slope},
                    {"intercept", a.intercept},
                    {"r2", a.r_squared},
                    {"r2_ci", interval_json(r2_interval(pairs, documents, config))},
                    {"spearman", a.spearman},
                    {"sign_agreement", a.sign_agreement},
                    {"documents", documents},
                    {"n", a.count}});
  }
  return rows;
}

// Gradients integrated on the way to the edit add up to its effect: what is missed is the integration's own error.
Json integrated_json(const IntegratedAblations& ablations, std::int64_t layer) {
  const Agreement a = agreement(ablations.predicted, ablations.measured);
  double missed = 0.0, total = 0.0;
  for (std::size_t i = 0; i < ablations.measured.size(); ++i) {
    missed += std::abs(ablations.predicted[i] - ablations.measured[i]);
    total += std::abs(ablations.measured[i]);
  }
  return {{"layer", layer},
          {"slope", a.slope},
          {"r2", a.r_squared},
          {"missed", missed / total},
          {"documents", ablations.documents},
          {"n", a.count}};
}

}  // namespace energy_lens
