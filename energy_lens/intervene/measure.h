// What an edit of the stream entering layer l really does to one document: the model is restarted at that layer on the
// edited stream and scored again, teacher-forced. All logs natural, all sums fp64.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/model/model.h"

namespace energy_lens {

// One document as the model runs it untouched; made once, shared by all edits at its layer. T >= 2.
struct Baseline {
  std::vector<std::int64_t> ids;  // T
  std::int64_t layer = 0;         // l, 0..L
  at::Tensor resid;               // [T, D] resid_pre.l (layer L: the stream before the final norm)
  at::Tensor last;                // [T, D] the stream after the last block, of which logits are made when needed
  at::Tensor log_normaliser;      // [T] fp64 logsumexp of the logits
  at::Tensor nll;                 // [T - 1] fp64, -log p(ids[t + 1])
  at::Tensor top1;                // [T] int64, the first choice
};

// Errors: BadInput (fewer than two tokens), those of capture_streams.
Baseline run_baseline(const Model& model, const std::vector<std::int64_t>& ids, std::int64_t layer);

struct EditEffect {
  at::Tensor change;        // [T] fp64, the coefficient's change at each token
  at::Tensor nll_change;    // [T - 1] fp64, edited minus baseline
  at::Tensor kl;            // [T] fp64, KL(p || p') >= 0, p the baseline's
  at::Tensor top1_changed;  // [T] bool
  double own = 0.0;         // sum of nll_change at edited tokens
  double later = 0.0;       // sum of nll_change at the other tokens (those before the first edit cannot change)
  double total = 0.0;       // own + later
};

// Whether the way edits are measured gives the untouched pass, bit for bit, where nothing is changed: what it then says
// of an edit is the edit's.
bool null_edit_is_bitwise(const Model& model, const Baseline& baseline);

// The effect of adding change[t] * direction at every token t, for each direction. change: [T], directions: [D] each.
// Logits of kLogitRows rows before and after one edit stand in memory, whatever T and the number of directions.
std::vector<EditEffect> measure_edits(const Model& model, const Baseline& baseline, const at::Tensor& change,
                                      const std::vector<at::Tensor>& directions);

struct DosePoint {
  double dose = 0.0;                           // a' = (1 + dose) a; -1 is ablation
  double own = 0.0, later = 0.0, total = 0.0;  // nats
  double predicted = 0.0;                      // dose times the first-order prediction of dose 1
};

// activations [T] of the feature, its decoder row [D], and the gradient [T, D] of the total NLL (full_gradient.h).
std::vector<DosePoint> dose_response(const Model& model, const Baseline& baseline, const at::Tensor& activations,
                                     const at::Tensor& direction, const at::Tensor& gradient,
                                     std::span<const double> doses);

}  // namespace energy_lens
