// The parts of a study's results that read energies alone.
#pragma once
#include "energy_lens/experiment/corpus_pass.h"
#include "energy_lens/experiment/study_data.h"

namespace energy_lens {

// results.texts: every text token by token at every layer, with its behaviour.
Json texts_section(const StudyData& data, Progress& progress);

// results.lens: profile over layers with document-bootstrap intervals, and calibration. passes: those with profiles.
Json lens_section(const std::vector<const CorpusPass*>& passes, std::int64_t d_vocab, const StudyConfig& config);

}  // namespace energy_lens
