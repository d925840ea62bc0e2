// How well predictions of edits agree with what was measured: by dose, and for whole ablations by integrated gradients.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "energy_lens/experiment/edit_trials.h"
#include "energy_lens/experiment/study_config.h"
#include "energy_lens/io/file.h"

namespace energy_lens {

// a' = (1 + dose) a.
std::vector<double> intervention_doses();

// Predicted and measured changes of one dose, and the document each came from.
struct DosePairs {
  std::vector<double> predicted, measured;
  std::vector<std::int64_t> document;
};

// Adds every dose of one feature on one document, where it is active; index: the document's.
void add_doses(std::map<double, DosePairs>& doses, const StudyData& data, const EditDocument& document,
               const at::Tensor& direction, std::int64_t feature, std::int64_t index);

// Rows of results.interventions.dose_response.
Json doses_json(const std::map<double, DosePairs>& doses, std::int64_t layer, std::int64_t documents,
                const StudyConfig& config);

// A row of results.interventions.integrated.
Json integrated_json(const IntegratedAblations& ablations, std::int64_t layer);

}  // namespace energy_lens
