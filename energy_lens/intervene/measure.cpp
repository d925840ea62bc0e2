#include "energy_lens/intervene/measure.h"

#include <ATen/core/grad_mode.h>

#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/token_loss.h"

namespace energy_lens {
namespace {

// [T - 1]: every token but the first is a target.
at::Tensor next_token_nll(const at::Tensor& logits, const at::Tensor& log_normaliser,
                          const std::vector<std::int64_t>& ids) {
  const auto targets = static_cast<std::int64_t>(ids.size()) - 1;
  return row_nll(logits.narrow(0, 0, targets), log_normaliser.narrow(0, 0, targets),
                 at::tensor(ids, at::kLong).narrow(0, 1, targets));
}

void score_rows(EditEffect& effect, const Baseline& baseline, const at::Tensor& logits,
                const at::Tensor& log_normaliser) {
  const std::int64_t tokens = logits.size(0);
  effect.kl = at::empty({tokens}, at::kDouble);
  effect.top1_changed = at::empty({tokens}, at::kBool);
  double* const kl = effect.kl.data_ptr<double>();
  bool* const changed = effect.top1_changed.data_ptr<bool>();
  const std::int64_t* const first_choice = baseline.top1.const_data_ptr<std::int64_t>();
  parallel_blocks(tokens, [&](std::int64_t t) {
    const at::NoGradGuard no_grad;
    const at::Tensor log_p = baseline.logits[t].to(at::kDouble) - baseline.log_normaliser[t];
    const at::Tensor gap = logits[t].to(at::kDouble) - log_normaliser[t] - log_p;
    // sum p (e^gap - 1 - gap) equals KL because both distributions sum to one; every term is >= 0, so small edits do
    // not drown in cancellation. Far apart, p e^gap is taken as p', which cannot overflow.
    const at::Tensor p = log_p.exp(), close = gap.abs().lt(1.0);
    at::Tensor terms = p * (gap.expm1() - gap);
    if (!close.all().item<bool>()) terms = at::where(close, terms, (log_p + gap).exp() - p - p * gap);
    kl[t] = terms.sum().item<double>();
    changed[t] = logits[t].argmax().item<std::int64_t>() != first_choice[t];
  });
}

double sequential_sum(const at::Tensor& values) {
  const at::Tensor dense = values.contiguous();
  double sum = 0.0;
  for (std::int64_t i = 0; i < dense.numel(); ++i) sum += dense.data_ptr<double>()[i];
  return sum;
}

}  // namespace

Baseline run_baseline(const Model& model, const std::vector<std::int64_t>& ids, std::int64_t layer) {
  if (ids.size() < 2) {
    fail(ErrorKind::BadInput, "run_baseline",
         "got " + std::to_string(ids.size()) + " tokens, expected at least 2: the first has a target only then");
  }
  const Streams streams = capture_streams(model, pad_right({ids}), {layer}, /*logits=*/true);
  Baseline baseline;
  baseline.ids = ids;
  baseline.layer = layer;
  baseline.resid = streams.resid[0][0];
  baseline.logits = streams.logits[0];
  baseline.log_normaliser = row_logsumexp(baseline.logits);
  baseline.nll = next_token_nll(baseline.logits, baseline.log_normaliser, ids);
  baseline.top1 = baseline.logits.argmax(1);
  return baseline;
}

namespace {

struct EditedRun {
  at::Tensor logits, log_normaliser;
};

// Fills the loss part of the effect; what it did to whole distributions costs more and is score_rows.
EditedRun run_edited(const Model& model, const Baseline& baseline, const at::Tensor& stream, const at::Tensor& edited,
                     EditEffect& effect) {
  const auto tokens = static_cast<std::int64_t>(baseline.ids.size());
  check_shape("measure_edit", "stream", stream, {{"T", tokens}, {"D", baseline.resid.size(1)}});
  EditedRun run;
  run.logits = model.forward_from(baseline.layer, stream.unsqueeze(0), pad_right({baseline.ids})).logits[0];
  run.log_normaliser = row_logsumexp(run.logits);
  effect.nll_change = next_token_nll(run.logits, run.log_normaliser, baseline.ids) - baseline.nll;
  const at::Tensor own = edited.narrow(0, 0, tokens - 1);
  effect.own = sequential_sum(effect.nll_change.masked_select(own));
  effect.later = sequential_sum(effect.nll_change.masked_select(own.logical_not()));
  effect.total = effect.own + effect.later;
  return run;
}

}  // namespace

EditEffect measure_edit(const Model& model, const Baseline& baseline, const at::Tensor& change,
                        const at::Tensor& direction) {
  EditEffect effect;
  const EditedRun run =
      run_edited(model, baseline, add_along(baseline.resid, change, direction), change.ne(0.0), effect);
  score_rows(effect, baseline, run.logits, run.log_normaliser);
  effect.change = change.to(at::kDouble);
  return effect;
}

std::vector<DosePoint> dose_response(const Model& model, const Baseline& baseline, const at::Tensor& activations,
                                     const at::Tensor& direction, const at::Tensor& gradient,
                                     std::span<const double> doses) {
  const double unit = first_order_change(activations, direction, gradient);
  std::vector<DosePoint> points;
  for (const double dose : doses) {
    const at::Tensor change = activations.to(at::kDouble) * dose;
    EditEffect effect;
    run_edited(model, baseline, add_along(baseline.resid, change, direction), change.ne(0.0), effect);
    points.push_back({dose, effect.own, effect.later, effect.total, dose * unit});
  }
  return points;
}

}  // namespace energy_lens
