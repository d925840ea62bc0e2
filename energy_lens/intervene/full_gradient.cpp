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

namespace energy_lens {

at::Tensor full_total_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                               const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels) {
  const auto tokens = static_cast<std::int64_t>(ids.size()), scored = static_cast<std::int64_t>(labels.size());
  check_shape("full_total_gradient", "stream", stream, {{"T", tokens}, {"D", model.config().d_model}});
  const bool known =
      std::ranges::all_of(labels, [&](std::int64_t label) { return label >= 0 && label < model.config().d_vocab; });
  if (scored < 1 || scored > tokens || !known) {
    fail(ErrorKind::BadInput, "full_total_gradient",
         "got " + std::to_string(scored) + " labels for " + std::to_string(tokens) +
             " tokens, expected 1 to as many, all inside the vocabulary");
  }
  at::Tensor gradient;
  // On one thread, so that products are made in the same order whatever the thread count.
  in_one_thread([&] {
    const at::AutoGradMode record(true);
    const at::Tensor leaf = stream.detach().clone().unsqueeze(0).requires_grad_(true);
    ForwardOptions options;
    options.differentiable = true;
    options.logits = false;
    const at::Tensor last = model.forward_from(layer, leaf, pad_right({ids}), options).resid;
    // The last stream's gradient is the lens's closed form; autograd carries it back through the blocks.
    const at::Tensor rows = last.detach()[0].narrow(0, 0, scored);
    at::Tensor at_last = at::zeros(last.sizes());
    at_last[0]
        .narrow(0, 0, scored)
        .copy_(lens_rows({rows}, at::tensor(labels, at::kLong), model.unembed(), {.top_k = 0, .gradient = true})[0]
                   .gradient);
    // With no block between, `last` is the leaf itself.
    gradient = last.is_same(leaf) ? at_last[0] : torch::autograd::grad({last}, {leaf}, {at_last})[0][0];
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

std::vector<std::int64_t> sample_labels(const at::Tensor& logits, std::uint64_t seed, std::uint64_t document) {
  check_shape("sample_labels", "logits", logits, {{"T"}, {"V"}});
  Philox random(seed, "intervene/sampled-labels", document);
  std::vector<std::int64_t> labels;
  for (std::int64_t t = 0; t < logits.size(0); ++t) {
    const at::Tensor p = logits[t].to(at::kDouble).softmax(0).contiguous();
    const double* const mass = p.data_ptr<double>();
    const double level = random.uniform();
    std::int64_t label = 0;
    // The last token takes what rounding leaves of the total.
    for (double sum = mass[0]; sum <= level && label + 1 < p.numel(); sum += mass[label]) ++label;
    labels.push_back(label);
  }
  return labels;
}

}  // namespace energy_lens
