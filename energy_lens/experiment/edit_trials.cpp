#include "energy_lens/experiment/edit_trials.h"

#include <algorithm>

#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/lens/text_lens.h"

namespace energy_lens {
namespace {

at::Tensor lens_gradient(const Model& model, const std::vector<std::int64_t>& ids, std::int64_t layer) {
  const TextLens lens = lens_of_text(model, ids, {layer}, {.top_k = 0, .gradient = true});
  const at::Tensor& gradient = lens.rows[0].gradient;
  return at::cat({gradient, at::zeros({1, gradient.size(1)}, gradient.options())});
}

double mean_of(const at::Tensor& values) { return values.to(at::kDouble).mean().item<double>(); }

}  // namespace

std::vector<EditDocument> prepare_documents(const StudyData& data, const Dictionary& dictionary, std::int64_t layer,
                                            std::int64_t count, Progress& progress) {
  const std::vector<const Window*> windows = data.of(Split::B);
  const auto documents = std::min<std::int64_t>(count, static_cast<std::int64_t>(windows.size()));
  progress.begin("gradients through layer " + std::to_string(layer), documents);
  std::vector<EditDocument> prepared;
  for (std::int64_t d = 0; d < documents; ++d) {
    progress.check();
    EditDocument document;
    document.baseline = run_baseline(*data.model, windows[d]->ids, layer);
    document.codes = dictionary.encode(document.baseline.resid);
    document.full_gradient = full_total_gradient(*data.model, layer, document.baseline.resid, windows[d]->ids);
    document.lens_gradient = lens_gradient(*data.model, windows[d]->ids, layer);
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
    const EditEffect effect = measure_edit(*data.model, document.baseline, change, direction);
    const auto index = static_cast<std::uint64_t>(edit.feature) * documents.size() + d;
    const at::Tensor random = random_direction(direction.size(0), seed, index);
    const EditEffect control = measure_edit(*data.model, document.baseline, change, random);
    EditTrial trial;
    trial.predicted = first_order_change(change, direction, document.full_gradient);
    trial.predicted_lens = first_order_change(change, direction, document.lens_gradient);
    trial.measured = effect.total;
    trial.kl = mean_of(effect.kl);
    trial.top1_changed = mean_of(effect.top1_changed);
    trial.control_measured = control.total;
    trial.control_kl = mean_of(control.kl);
    trials.push_back(trial);
  }
  return trials;
}

}  // namespace energy_lens
