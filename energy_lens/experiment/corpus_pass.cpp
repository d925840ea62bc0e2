#include "energy_lens/experiment/corpus_pass.h"

#include <algorithm>
#include <string>

#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"

namespace energy_lens {
namespace {

CorpusPass start(const StudyData& data, const std::vector<std::int64_t>& layers, Split split) {
  CorpusPass pass;
  pass.windows = data.of(split);
  for (const std::int64_t layer : layers) {
    LayerActivations activations;
    activations.layer = layer;
    pass.layers.push_back(activations);
  }
  return pass;
}

// Slots [D, T, Dm] (or [D, T]) filled one document at a time.
void put(at::Tensor& slab, std::int64_t documents, std::int64_t document, const at::Tensor& value) {
  if (!slab.defined()) {
    std::vector<std::int64_t> shape = value.sizes().vec();
    shape.insert(shape.begin(), documents);
    slab = at::empty(shape, value.options());
  }
  slab[document].copy_(value);
}

void add_profile(DocumentProfile& profile, std::int64_t documents, std::int64_t document, const TextLens& lens,
                 std::int64_t first) {
  const auto mean = [&](at::Tensor LensRows::* member) {
    std::vector<double> means;
    for (const LensRows& rows : lens.rows) {
      const at::Tensor values = rows.*member;
      means.push_back(mean_of(values.narrow(0, first, values.size(0) - first)));
    }
    return at::tensor(means, at::kDouble);
  };
  put(profile.energy, documents, document, mean(&LensRows::energy));
  put(profile.entropy, documents, document, mean(&LensRows::entropy));
  put(profile.kl, documents, document, mean(&LensRows::kl_to_final));
}

void add_calibration(CorpusPass& pass, const LensRows& last, std::int64_t first) {
  for (std::int64_t t = first; t < last.rank.size(0); ++t) {
    // Rounding can carry a softmax a hair above 1.
    pass.confidence.push_back(std::min(1.0, last.confidence[t].item<double>()));
    pass.correct.push_back(last.rank[t].item<std::int64_t>() == 0);
  }
}

void add_layer(LayerActivations& layer, std::int64_t documents, std::int64_t document, const at::Tensor& resid,
               const LensRows& rows, const LensRows& gradients) {
  put(layer.resid, documents, document, resid);
  put(layer.gradient, documents, document, gradients.gradient);
  put(layer.expected_gradient, documents, document, gradients.expected_gradient);
  put(layer.energy, documents, document, rows.energy);
  put(layer.depth_descent, documents, document, rows.depth_descent);
}

// Gradients of the study's layers alone: the other layers need only their scalars.
std::vector<LensRows> gradient_rows(const Model& model, const TextLens& lens, const std::vector<std::int64_t>& layers,
                                    const std::vector<std::int64_t>& ids) {
  std::vector<at::Tensor> streams;
  for (const std::int64_t layer : layers) streams.push_back(lens.resid[layer]);
  streams.push_back(lens.resid.back());
  const at::Tensor targets = at::tensor(ids).narrow(0, 1, static_cast<std::int64_t>(ids.size()) - 1);
  return lens_rows(streams, targets, model.unembed(), {.gradient = true, .expected_gradient = true});
}

}  // namespace

CorpusPass capture_pass(const StudyData& data, const std::vector<std::int64_t>& layers, Split split,
                        Progress& progress) {
  CorpusPass pass = start(data, layers, split);
  const auto documents = static_cast<std::int64_t>(pass.windows.size());
  progress.begin("activations of split " + split_name(split), documents);
  for (std::int64_t d = 0; d < documents; ++d) {
    progress.check();
    const Streams streams = capture_streams(*data.model, pad_right({pass.windows[d]->ids}), layers);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const at::Tensor& resid = streams.resid[i];
      put(pass.layers[i].resid, documents, d, resid[0].narrow(0, 0, resid.size(1) - 1));
    }
    progress.advance(1);
  }
  return pass;
}

CorpusPass lens_pass(const StudyData& data, const std::vector<std::int64_t>& layers, Split split, Progress& progress) {
  CorpusPass pass = start(data, layers, split);
  const auto documents = static_cast<std::int64_t>(pass.windows.size());
  const std::vector<std::int64_t> every = every_layer(*data.model);
  progress.begin("energies of split " + split_name(split), documents);
  for (std::int64_t d = 0; d < documents; ++d) {
    progress.check();
    const std::vector<std::int64_t>& ids = pass.windows[d]->ids;
    const TextLens lens = lens_of_text(*data.model, ids, every);
    const std::vector<LensRows> gradients = gradient_rows(*data.model, lens, layers, ids);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      add_layer(pass.layers[i], documents, d, lens.resid[layers[i]], lens.rows[layers[i]], gradients[i]);
    }
    add_profile(pass.profile, documents, d, lens, data.first_position);
    add_calibration(pass, lens.rows.back(), data.first_position);
    pass.last_layer_max_difference = std::max(pass.last_layer_max_difference, lens.last_layer_difference);
    progress.advance(1);
  }
  return pass;
}

at::Tensor kept_positions(const StudyData& data, std::int64_t tokens) {
  at::Tensor kept = at::ones({tokens}, at::kBool);
  kept.narrow(0, 0, data.first_position).fill_(false);
  return kept;
}

at::Tensor kept_rows(const at::Tensor& values, const at::Tensor& kept) {
  return values.index_select(1, kept.nonzero().squeeze(-1)).flatten(0, 1);
}

}  // namespace energy_lens
