#include "energy_lens/intervene/measure.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/token_loss.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {
namespace {

// Fills rows [begin, begin + n) of nll [T - 1] with -log p(ids[t + 1]) of logits [n, V]. The last token has no next
// one.
void fill_nll(const at::Tensor& nll, std::int64_t begin, const at::Tensor& logits, const at::Tensor& log_normaliser,
              const std::vector<std::int64_t>& ids) {
  const std::int64_t rows = std::min(logits.size(0), nll.size(0) - begin);
  nll.narrow(0, begin, rows)
      .copy_(row_nll(logits.narrow(0, 0, rows), log_normaliser.narrow(0, 0, rows),
                     at::tensor(ids, at::kLong).narrow(0, 1 + begin, rows)));
}

// KL(p || p') of a row of logits before and after, with their log-sum-exp.
double divergence(const at::Tensor& before, double before_normaliser, const at::Tensor& after,
                  double after_normaliser) {
  const at::Tensor log_p = before.to(at::kDouble) - before_normaliser;
  const at::Tensor gap = after.to(at::kDouble) - after_normaliser - log_p;
  // sum p (e^gap - 1 - gap) equals KL because both distributions sum to one; every term is >= 0, so small edits do
  // not drown in cancellation. Far apart, p e^gap is taken as p', which cannot overflow.
  const at::Tensor p = log_p.exp(), close = gap.abs().lt(1.0);
  at::Tensor terms = p * (gap.expm1() - gap);
  if (!close.all().item<bool>()) terms = at::where(close, terms, (log_p + gap).exp() - p - p * gap);
  return terms.sum().item<double>();
}

// Rows [begin, begin + n) of an effect whose nll_change holds the edited NLL as yet; logits [n, V] before and after.
void score_rows(EditEffect& effect, const Baseline& baseline, std::int64_t begin, const at::Tensor& before,
                const at::Tensor& after) {
  const at::Tensor log_normaliser = row_logsumexp(after);
  fill_nll(effect.nll_change, begin, after, log_normaliser, baseline.ids);
  double* const kl = effect.kl.data_ptr<double>() + begin;
  bool* const changed = effect.top1_changed.data_ptr<bool>() + begin;
  const std::int64_t* const first_choice = baseline.top1.const_data_ptr<std::int64_t>() + begin;
  const double* const before_normaliser = baseline.log_normaliser.const_data_ptr<double>() + begin;
  const double* const after_normaliser = log_normaliser.const_data_ptr<double>();
  parallel_blocks(after.size(0), [&](std::int64_t t) {
    const at::NoGradGuard no_grad;
    kl[t] = divergence(before[t], before_normaliser[t], after[t], after_normaliser[t]);
    changed[t] = after[t].argmax().item<std::int64_t>() != first_choice[t];
  });
}

// [T, D] the stream after the last block where the one entering the layer is `stream` [T, D].
at::Tensor last_from(const Model& model, const Baseline& baseline, const at::Tensor& stream) {
  ForwardOptions options;
  options.logits = false;
  return model.forward_from(baseline.layer, stream.unsqueeze(0), pad_right({baseline.ids}), options).resid[0];
}

double sequential_sum(const at::Tensor& values) {
  const at::Tensor dense = values.contiguous();
  double sum = 0.0;
  for (std::int64_t i = 0; i < dense.numel(); ++i) sum += dense.data_ptr<double>()[i];
  return sum;
}

// The sums of nll_change [T - 1] at tokens where change [T] is not 0, and elsewhere.
void add_up(EditEffect& effect) {
  const at::Tensor own = effect.change.narrow(0, 0, effect.nll_change.size(0)).ne(0.0);
  effect.own = sequential_sum(effect.nll_change.masked_select(own));
  effect.later = sequential_sum(effect.nll_change.masked_select(own.logical_not()));
  effect.total = effect.own + effect.later;
}

}  // namespace

Baseline run_baseline(const Model& model, const std::vector<std::int64_t>& ids, std::int64_t layer) {
  if (ids.size() < 2) {
    fail(ErrorKind::BadInput, "run_baseline",
         "got " + std::to_string(ids.size()) + " tokens, expected at least 2: the first has a target only then");
  }
  const Streams streams = capture_streams(model, pad_right({ids}), {layer, model.config().n_layers});
  const auto tokens = static_cast<std::int64_t>(ids.size());
  Baseline baseline{.ids = ids,
                    .layer = layer,
                    .resid = streams.resid[0][0],
                    .last = streams.resid[1][0],
                    .log_normaliser = at::empty({tokens}, at::kDouble),
                    .nll = at::empty({tokens - 1}, at::kDouble),
                    .top1 = at::empty({tokens}, at::kLong)};
  for_logits_of_rows(model, baseline.last, [&](std::int64_t begin, const at::Tensor& logits) {
    const at::Tensor log_normaliser = row_logsumexp(logits);
    fill_nll(baseline.nll, begin, logits, log_normaliser, ids);
    baseline.log_normaliser.narrow(0, begin, logits.size(0)).copy_(log_normaliser);
    baseline.top1.narrow(0, begin, logits.size(0)).copy_(logits.argmax(1));
  });
  return baseline;
}

bool null_edit_is_bitwise(const Model& model, const Baseline& baseline) {
  return at::equal(last_from(model, baseline, baseline.resid), baseline.last);
}

std::vector<EditEffect> measure_edits(const Model& model, const Baseline& baseline, const at::Tensor& change,
                                      const std::vector<at::Tensor>& directions) {
  const auto tokens = static_cast<std::int64_t>(baseline.ids.size());
  std::vector<EditEffect> effects;
  std::vector<at::Tensor> lasts;
  for (const at::Tensor& direction : directions) {
    lasts.push_back(last_from(model, baseline, add_along(baseline.resid, change, direction)));
    effects.push_back({.change = change.to(at::kDouble),
                       .nll_change = at::empty({tokens - 1}, at::kDouble),
                       .kl = at::empty({tokens}, at::kDouble),
                       .top1_changed = at::empty({tokens}, at::kBool)});
  }
  for_logits_of_rows(model, baseline.last, [&](std::int64_t begin, const at::Tensor& before) {
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const at::Tensor after = logits_of_rows(model, lasts[i].narrow(0, begin, before.size(0)));
      score_rows(effects[i], baseline, begin, before, after);
    }
  });
  for (EditEffect& effect : effects) {
    effect.nll_change -= baseline.nll;
    add_up(effect);
  }
  return effects;
}

std::vector<DosePoint> dose_response(const Model& model, const Baseline& baseline, const at::Tensor& activations,
                                     const at::Tensor& direction, const at::Tensor& gradient,
                                     std::span<const double> doses) {
  const double unit = first_order_change(activations, direction, gradient);
  const std::int64_t targets = baseline.nll.size(0);
  const at::Tensor target = at::tensor(baseline.ids, at::kLong).narrow(0, 1, targets);
  std::vector<DosePoint> points;
  for (const double dose : doses) {
    EditEffect effect;
    effect.change = activations.to(at::kDouble) * dose;
    const at::Tensor last = last_from(model, baseline, add_along(baseline.resid, effect.change, direction));
    effect.nll_change = token_loss(model, last.narrow(0, 0, targets), target).nll - baseline.nll;
    add_up(effect);
    points.push_back({dose, effect.own, effect.later, effect.total, dose * unit});
  }
  return points;
}

}  // namespace energy_lens
