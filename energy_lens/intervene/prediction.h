// Does a gradient predict what an edit does? Predictions of the total change of NLL from gradients of the stream, and
// their agreement with measured changes. The full gradient predicts small edits exactly; the lens gradient need not.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>

#include "energy_lens/dictionary/dictionary.h"
#include "energy_lens/intervene/measure.h"
#include "energy_lens/model/model.h"

namespace energy_lens {

// sum_t change[t] * direction . gradient[t], nats. change: [T]; direction: [D]; gradient: [T, D] of any energy summed
// over positions (full_total, or the lens gradient, whose row t is that of the energy at t alone).
double first_order_change(const at::Tensor& change, const at::Tensor& direction, const at::Tensor& gradient);

// The same to second order: added is half the mean square of change . gradient over `drawn`, gradients [T, D] of the
// total NLL of labels drawn from the model. That is the Fisher information along the edit, which is the curvature of
// the loss where the model is calibrated. All tokens move together, so unlike Q_k it holds what they do to one another.
double second_order_change(const at::Tensor& change, const at::Tensor& direction, const at::Tensor& gradient,
                           std::span<const at::Tensor> drawn);

// The change of the document's loss by integrated gradients (Sundararajan, Taly and Yan 2017): the gradient of the
// document's total loss averaged over the middles of `steps` equal parts of the way to the edited stream. It adds up to
// the measured change itself, as far as steps are many. One backward pass a step.
double integrated_change(const Model& model, const Baseline& baseline, const at::Tensor& change,
                         const at::Tensor& direction, int steps = 10);

// Q_k = 1/2 mean_n (a_k d_k . g_n)^2, the second-order size of ablating k: [K] fp64, nats. gradients [N, D]: of the
// total NLL of labels drawn from the model itself (full_gradient.h), rows as in codes. Errors: BadInput (shapes, a code
// beyond the atoms).
at::Tensor fisher_importance(const SparseCodes& codes, const at::Tensor& atoms, const at::Tensor& gradients);

// Measured against predicted values.
struct Agreement {
  std::int64_t count = 0;
  double slope = 0.0, intercept = 0.0;  // least squares of measured on predicted
  double r_squared = 0.0;
  double spearman = 0.0;
  double sign_agreement = 0.0;  // share of pairs of equal sign among those with neither exactly 0
};

// slope, intercept, r_squared and spearman are NaN where a series is constant. Errors: Usage (lengths differ).
Agreement agreement(std::span<const double> predicted, std::span<const double> measured);

}  // namespace energy_lens
