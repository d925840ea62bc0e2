// Edits features in the running model and sets what happened beside what gradients predicted.
#pragma once
#include "energy_lens/experiment/efas_section.h"

namespace energy_lens {

// Of five documents, even equal signs of all leave a two-sided p of 0.06: the report counts no edit of so few.
inline constexpr std::int64_t kLeastEditedDocuments = 6;

// Features are chosen on split A, edited on documents of split B: half by mean |a_k s_k|, half by alignment.
// One layer's edits, dose response and whether edits that ask for nothing changed nothing (null: none was run).
Json layer_interventions(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary,
                         const LayerAlignment& alignment, Progress& progress);

// Those of all layers, as results.interventions.
Json joined_interventions(const StudyConfig& config, const std::vector<Json>& layers);

}  // namespace energy_lens
