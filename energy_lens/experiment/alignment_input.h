// What the alignment scores read of one layer of one split: codes, gradients, scalars beside them and the covariates of
// the partial score.
#pragma once
#include <cstddef>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/alignment/sequence_energy.h"
#include "energy_lens/dictionary/dictionary.h"
#include "energy_lens/experiment/corpus_pass.h"

namespace energy_lens {

// scalars: those of sequence_series, then |grad|. Without covariates.
EfasInput alignment_input(const StudyData& data, const Dictionary& dictionary, const CorpusPass& pass,
                          const LayerActivations& layer);

// The covariates of such an input: log frequency of the position's token and of the next one (add-one counts over split
// S, which no score is taken on), log sigma of the final norm (log |c| of the centred stream up to a constant and eps),
// and the energy of the position before.
std::vector<ScalarSeries> partial_covariates(const StudyData& data, const std::vector<const Window*>& windows,
                                             const EfasInput& input);

// Where |grad| stands in EfasResult::scalars.
constexpr std::size_t kGradientNormScalar = static_cast<std::size_t>(SequenceScalar::Depth) + 1;

}  // namespace energy_lens
