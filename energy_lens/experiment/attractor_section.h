// Greedy decoding cycles of prompts cut from the corpus, and whether entry can be foretold from the prompt.
#pragma once
#include "energy_lens/experiment/study_data.h"

namespace energy_lens {

// results.attractors. Prompts of split A fit the predictors, prompts of split B score them.
Json attractors_section(const StudyData& data, const StudyConfig& config, Progress& progress);

}  // namespace energy_lens
