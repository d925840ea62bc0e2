// One layer's edits: every chosen feature on every chosen document, with predictions and the random-direction control.
#pragma once
#include <vector>

#include "energy_lens/dictionary/dictionary.h"
#include "energy_lens/experiment/study_data.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/measure.h"

namespace energy_lens {

// A document ready for edits at one layer.
struct EditDocument {
  Baseline baseline;
  SparseCodes codes;                        // of baseline.resid
  at::Tensor full_gradient;                 // [T, D] of the document's total NLL
  std::vector<at::Tensor> drawn_gradients;  // the same for labels drawn from the model
  at::Tensor lens_gradient;                 // [T, D] of each position's lens energy; last row zero
  at::Tensor importance;                    // [K] Q_k (prediction.h) over its tokens, without a BOS
};

// The first config.edited_documents of split B.
std::vector<EditDocument> prepare_documents(const StudyData& data, const StudyConfig& config,
                                            const Dictionary& dictionary, std::int64_t layer, Progress& progress);

// One edit on one document where the feature is active; nats a document unless said.
struct EditTrial {
  double predicted = 0.0, predicted_second_order = 0.0, predicted_lens = 0.0, measured = 0.0;
  double own = 0.0;           // the part of `measured` at the edited tokens themselves; the rest comes later
  double kl = 0.0;            // nats a token
  double top1_changed = 0.0;  // share of tokens
  double control_measured = 0.0, control_kl = 0.0;
};

// Documents where the edit changes nothing are left out.
std::vector<EditTrial> run_edit(const StudyData& data, const Dictionary& dictionary,
                                const std::vector<EditDocument>& documents, const FeatureEdit& edit, std::uint64_t seed,
                                Progress& progress);

// What integrated gradients say of whole ablations, beside what was measured; nats a document.
struct IntegratedAblations {
  std::int64_t documents = 0;  // integrated: each costs ten gradients a feature
  std::vector<double> predicted, measured;
};

// Ablates each feature on the first documents, where it is active.
IntegratedAblations integrate_ablations(const StudyData& data, const Dictionary& dictionary,
                                        const std::vector<EditDocument>& documents,
                                        const std::vector<std::int64_t>& features, Progress& progress);

}  // namespace energy_lens
