// One pass of the model and the lens over a split of the corpus: what every later stage of a study reads.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/experiment/study_data.h"

namespace energy_lens {

// D documents, T = window - 1 scored positions each, Dm the model's width.
struct LayerActivations {
  std::int64_t layer = 0;
  at::Tensor resid;              // [D, T, Dm]
  at::Tensor gradient;           // [D, T, Dm] of the energy; undefined where not asked
  at::Tensor expected_gradient;  // [D, T, Dm] of KL(p^L || p^l); undefined where not asked
  at::Tensor energy;             // [D, T]; undefined where not asked
  at::Tensor depth_descent;      // [D, T]; undefined where not asked
};

// Means over a document's kept positions, per layer 0..L: [D, L + 1] fp64.
struct DocumentProfile {
  at::Tensor energy, entropy, kl;
};

struct CorpusPass {
  std::vector<LayerActivations> layers;  // the study's layers, in its order
  DocumentProfile profile;               // undefined members after a pass without the lens
  std::vector<double> confidence;        // of the last layer at every kept position
  std::vector<bool> correct;             // was its first choice the next token
  double last_layer_max_difference = 0.0;
  std::vector<const Window*> windows;
};

// The streams alone, for dictionary learning.
CorpusPass capture_pass(const StudyData& data, const std::vector<std::int64_t>& layers, Split split,
                        Progress& progress);

// Streams, energies of every layer, and gradients at `layers`.
CorpusPass lens_pass(const StudyData& data, const std::vector<std::int64_t>& layers, Split split, Progress& progress);

// [T] bool: positions that count; false where BOS stands.
at::Tensor kept_positions(const StudyData& data, std::int64_t tokens);

// Rows of the kept positions of all documents: [D, T, Dm] -> [D * kept, Dm].
at::Tensor kept_rows(const at::Tensor& values, const at::Tensor& kept);

}  // namespace energy_lens
