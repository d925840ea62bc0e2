// Edits features in the running model and sets what happened beside what gradients predicted.
#pragma once
#include "energy_lens/experiment/efas_section.h"

namespace energy_lens {

// results.interventions. Features are chosen on split A, edited on documents of split B: half by mean |a_k s_k|, half
// by alignment.
Json interventions_section(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                           const std::vector<LayerAlignment>& alignments, Progress& progress);

}  // namespace energy_lens
