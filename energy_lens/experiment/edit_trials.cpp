#include "energy_lens/experiment/edit_trials.h"

#include <algorithm>

#include "energy_lens/core/parallel.h"
#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/lens/streams.h"

namespace energy_lens {
namespace {

constexpr std::uint64_t kFisherSamples = 2;  // labels a token
constexpr std::int64_t kIntegratedDocuments = 2;

// [T, D], the last row, which has no energy, zero.
at::Tensor lens_gradient(const Model& model, const Baseline& baseline) {
  const at::Tensor gradient = lens_of_stream(model, baseline.resid, baseline.ids, {.gradient = true}).gradient;
  return at::cat({gradient, at::zeros({1, gradient.size(1)}, gradient.options())});
}

std::vector<at::Tensor> drawn_gradients(const Model& model, const Baseline& baseline, std::uint64_t seed,
                                        std::uint64_t index) {
  std::vector<at::Tensor> gradients(kFisherSamples);
  parallel_blocks(std::ssize(gradients), [&](std::int64_t sample) {
    const auto labels =
        sample_labels(model, baseline.last, seed, index * kFisherSamples + static_cast<std::uint64_t>(sample));
    gradients[static_cast<std::size_t>(sample)] =
        full_total_gradient(model, baseline.layer, baseline.resid, baseline.ids, labels);
  });
  return gradients;
}

// Q_k of one document over the tokens from `first` on: the Fisher information of the model's own predictions, by labels
// drawn from them.
at::Tensor document_importance(const Dictionary& dictionary, const EditDocument& document, std::int64_t first) {
  const auto kept = [&](const at::Tensor& rows) { return rows.narrow(0, first, rows.size(0) - first); };
  const SparseCodes codes{kept(document.codes.atoms), kept(document.codes.values)};
  at::Tensor importance = at::zeros({dictionary.atoms().size(0)}, at::kDouble);
  for (const at::Tensor& gradient : document.drawn_gradients) {
    importance += fisher_importance(codes, dictionary.atoms(), kept(gradient)) / static_cast<double>(kFisherSamples);
  }
  return importance;
}

}  // namespace

std::vector<EditDocument> prepare_documents(const StudyData& data, const StudyConfig& config,
                                            const Dictionary& dictionary, std::int64_t layer, Progress& progress) {
  const std::vector<const Window*> windows = data.of(Split::B);
  const auto documents = std::min(config.edited_documents, static_cast<std::int64_t>(windows.size()));
  progress.begin("gradients through layer " + std::to_string(layer), documents);
  std::vector<EditDocument> prepared;
  for (std::int64_t d = 0; d < documents; ++d) {
    progress.check();
    EditDocument document;
    document.baseline = run_baseline(*data.model, windows[d]->ids, layer);
    document.codes = dictionary.encode(document.baseline.resid);
    document.full_gradient = full_total_gradient(*data.model, layer, document.baseline.resid, windows[d]->ids);
    document.lens_gradient = lens_gradient(*data.model, document.baseline);
    document.drawn_gradients = drawn_gradients(*data.model, document.baseline, static_cast<std::uint64_t>(config.seed),
                                               static_cast<std::uint64_t>(d));
    document.importance = document_importance(dictionary, document, data.first_position);
    prepared.push_back(std::move(document));
    progress.advance(1);
  }
  return prepared;
}

std::vector<EditTrial> run_edit(const StudyData& data, const Dictionary& dictionary,
                                const std::vector<EditDocument>& documents, const FeatureEdit& edit, std::uint64_t seed,
                                Progress& progress) {
  const at::Tensor direction = dictionary.atoms()[edit.feature];
  std::vector<EditTrial> trials;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    progress.check();
    const EditDocument& document = documents[d];
    const at::Tensor change = coefficient_change(edit, feature_activations(document.codes, edit.feature));
    if (!change.any().item<bool>()) continue;
    const auto index = static_cast<std::uint64_t>(edit.feature) * documents.size() + d;
    const at::Tensor random = random_direction(direction.size(0), seed, index);
    const auto effects = measure_edits(*data.model, document.baseline, change, {direction, random});
    const EditEffect &effect = effects[0], &control = effects[1];
    EditTrial trial;
    trial.predicted = first_order_change(change, direction, document.full_gradient);
    trial.predicted_second_order =
        second_order_change(change, direction, document.full_gradient, document.drawn_gradients);
    trial.predicted_lens = first_order_change(change, direction, document.lens_gradient);
    trial.measured = effect.total;
    trial.own = effect.own;
    trial.kl = mean_of(effect.kl);
    trial.top1_changed = mean_of(effect.top1_changed);
    trial.control_measured = control.total;
    trial.control_kl = mean_of(control.kl);
    trials.push_back(trial);
  }
  return trials;
}

IntegratedAblations integrate_ablations(const StudyData& data, const Dictionary& dictionary,
                                        const std::vector<EditDocument>& documents,
                                        const std::vector<std::int64_t>& features, Progress& progress) {
  IntegratedAblations ablations;
  ablations.documents = std::min<std::int64_t>(kIntegratedDocuments, std::ssize(documents));
  for (const std::int64_t feature : features) {
    for (std::int64_t d = 0; d < ablations.documents; ++d) {
      progress.check();
      const EditDocument& document = documents[static_cast<std::size_t>(d)];
      const at::Tensor direction = dictionary.atoms()[feature];
      const FeatureEdit zero{.feature = feature, .first_position = data.first_position};
      const at::Tensor change = coefficient_change(zero, feature_activations(document.codes, feature));
      if (!change.any().item<bool>()) continue;
      ablations.predicted.push_back(integrated_change(*data.model, document.baseline, change, direction));
      ablations.measured.push_back(measure_edits(*data.model, document.baseline, change, {direction})[0].total);
    }
  }
  return ablations;
}

}  // namespace energy_lens
