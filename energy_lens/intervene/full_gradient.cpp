#include "energy_lens/intervene/full_gradient.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/lens/energy.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {
namespace {

void check_labels(const char* operation, const Model& model, const at::Tensor& stream,
                  const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels) {
  const auto tokens = static_cast<std::int64_t>(ids.size()), scored = static_cast<std::int64_t>(labels.size());
  check_shape(operation, "stream", stream, {{"T", tokens}, {"D", model.config().d_model}});
  const bool known =
      std::ranges::all_of(labels, [&](std::int64_t label) { return label >= 0 && label < model.config().d_vocab; });
  if (scored < 1 || scored > tokens || !known) {
    fail(ErrorKind::BadInput, operation,
         "got " + std::to_string(scored) + " labels for " + std::to_string(tokens) +
             " tokens, expected 1 to as many, all inside the vocabulary");
  }
}

// The blocks from a layer on, recorded, with the gradient of each position's loss at their end: the lens's closed form,
// so that autograd never sees the vocabulary.
struct RecordedPass {
  at::Tensor leaf, last;  // [1, T, D]; the same tensor when no block follows
  at::Tensor at_last;     // [1, T, D], row t d NLL_t / d last_t
};

RecordedPass record(const Model& model, std::int64_t layer, const at::Tensor& stream,
                    const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels) {
  const at::AutoGradMode on(true);
  RecordedPass pass;
  pass.leaf = stream.detach().clone().unsqueeze(0).requires_grad_(true);
  ForwardOptions options;
  options.differentiable = true;
  options.logits = false;
  pass.last = model.forward_from(layer, pass.leaf, pad_right({ids}), options).resid;
  const auto scored = static_cast<std::int64_t>(labels.size());
  const at::Tensor rows = pass.last.detach()[0].narrow(0, 0, scored);
  pass.at_last = at::zeros(pass.last.sizes());
  pass.at_last[0]
      .narrow(0, 0, scored)
      .copy_(lens_rows({rows}, at::tensor(labels, at::kLong), model.unembed(), {.gradient = true})[0].gradient);
  return pass;
}

// [T, D] d (at_last . last) / d leaf.
at::Tensor pull_back_to_leaf(const RecordedPass& pass, const at::Tensor& at_last) {
  if (pass.last.is_same(pass.leaf)) return at_last[0];
  return torch::autograd::grad({pass.last}, {pass.leaf}, {at_last}, /*retain_graph=*/true)[0][0];
}

// The first token at which the probabilities of logits [V], added up, pass `level`.
std::int64_t token_at_level(const at::Tensor& logits, double level) {
  const at::Tensor p = logits.to(at::kDouble).softmax(0).contiguous();
  const double* const mass = p.data_ptr<double>();
  std::int64_t token = 0;
  // The last token takes what rounding leaves of the total.
  for (double sum = mass[0]; sum <= level && token + 1 < p.numel(); sum += mass[token]) ++token;
  return token;
}

}  // namespace

// Both run on one thread, so that products are made in the same order whatever the thread count.
at::Tensor full_total_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                               const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels) {
  check_labels("full_total_gradient", model, stream, ids, labels);
  at::Tensor gradient;
  in_one_thread([&] {
    const RecordedPass pass = record(model, layer, stream, ids, labels);
    gradient = pull_back_to_leaf(pass, pass.at_last);
  });
  return gradient;
}

at::Tensor full_own_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                             const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels) {
  check_labels("full_own_gradient", model, stream, ids, labels);
  at::Tensor gradient = at::zeros(stream.sizes());
  in_one_thread([&] {
    const RecordedPass pass = record(model, layer, stream, ids, labels);
    for (std::int64_t t = 0; t < static_cast<std::int64_t>(labels.size()); ++t) {
      at::Tensor at_last = at::zeros(pass.at_last.sizes());
      at_last[0][t].copy_(pass.at_last[0][t]);
      gradient[t].copy_(pull_back_to_leaf(pass, at_last)[t]);
    }
  });
  return gradient;
}

at::Tensor full_total_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                               const std::vector<std::int64_t>& ids) {
  if (ids.size() < 2) {
    fail(ErrorKind::BadInput, "full_total_gradient",
         "got " + std::to_string(ids.size()) + " tokens, expected at least 2");
  }
  return full_total_gradient(model, layer, stream, ids, std::vector<std::int64_t>(ids.begin() + 1, ids.end()));
}

std::vector<std::int64_t> sample_labels(const Model& model, const at::Tensor& last, std::uint64_t seed,
                                        std::uint64_t document) {
  check_shape("sample_labels", "last", last, {{"T"}, {"D", model.config().d_model}});
  Philox random(seed, "intervene/sampled-labels", document);
  std::vector<std::int64_t> labels;
  for_logits_of_rows(model, last, [&](std::int64_t, const at::Tensor& logits) {
    for (std::int64_t t = 0; t < logits.size(0); ++t) labels.push_back(token_at_level(logits[t], random.uniform()));
  });
  return labels;
}

}  // namespace energy_lens
