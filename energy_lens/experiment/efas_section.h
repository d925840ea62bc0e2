// Energy-feature alignment: discovered on split A, confirmed on split B, with the prototype's protocol beside it.
#pragma once
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/experiment/corpus_pass.h"
#include "energy_lens/experiment/dictionary_section.h"

namespace energy_lens {

struct LayerAlignment {
  std::int64_t layer = 0;
  EfasResult a, b;
};

std::vector<LayerAlignment> align_features(const StudyData& data, const StudyConfig& config,
                                           const LayerDictionaries& dictionaries, const CorpusPass& a,
                                           const CorpusPass& b, Progress& progress);

// results.efas
Json efas_section(const std::vector<LayerAlignment>& alignments);

// results.seed_compat: 100 token shuffles over the study's texts. Kept to show what it does, never used.
Json seed_compat_section(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                         Progress& progress);

}  // namespace energy_lens
