// Learns one dictionary a layer on split S and measures it on documents it never saw.
#pragma once
#include <memory>
#include <vector>

#include "energy_lens/dictionary/omp_dictionary.h"
#include "energy_lens/experiment/corpus_pass.h"

namespace energy_lens {

// One a layer of the study, in its order.
using LayerDictionaries = std::vector<std::shared_ptr<const OmpDictionary>>;

// Errors: BadInput when S holds fewer rows than atoms.
LayerDictionaries learn_dictionaries(const StudyData& data, const StudyConfig& config, Progress& progress);

// results.dictionaries, with the random dictionary as control; heldout is a pass over documents outside S.
Json dictionaries_section(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                          const CorpusPass& heldout);

}  // namespace energy_lens
