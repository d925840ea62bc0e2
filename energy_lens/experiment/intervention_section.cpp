#include "energy_lens/experiment/intervention_section.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "energy_lens/experiment/edit_trials.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/stats/bootstrap.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr double kDoses[] = {-1.0, -0.5, -0.1, -0.01, 0.1, 0.5, 1.0};

// Half by importance, half by alignment (of features that can be tested), filled up by importance; ids ascending.
std::vector<std::int64_t> chosen_features(const EfasResult& a, std::int64_t count) {
  std::vector<const FeatureScore*> ordered;
  for (const FeatureScore& score : a.scores) ordered.push_back(&score);
  std::set<std::int64_t> chosen;
  const auto take = [&](std::int64_t upto, const std::function<double(const FeatureScore&)>& key) {
    std::stable_sort(ordered.begin(), ordered.end(),
                     [&](const FeatureScore* x, const FeatureScore* y) { return key(*x) > key(*y); });
    for (const FeatureScore* score : ordered) {
      if (static_cast<std::int64_t>(chosen.size()) < upto && key(*score) >= 0) chosen.insert(score->feature);
    }
  };
  const auto importance = [](const FeatureScore& f) { return f.direct.mean_abs_product; };
  take(count / 2, importance);
  take(count, [](const FeatureScore& f) { return f.testable ? std::abs(f.test.statistic) : -1.0; });
  take(count, importance);
  return {chosen.begin(), chosen.end()};
}

double mean_active_value(const std::vector<EditDocument>& documents, std::int64_t feature) {
  double sum = 0.0, count = 0.0;
  for (const EditDocument& document : documents) {
    const at::Tensor values = feature_activations(document.codes, feature);
    sum += values.sum().item<double>();
    count += static_cast<double>(values.count_nonzero().item<std::int64_t>());
  }
  return count == 0.0 ? 0.0 : sum / count;
}

struct NamedEdit {
  const char* name;
  EditKind kind;
  double amount;
};

// Clamping and steering go by the feature's own mean active value, so that amounts mean the same in every layer.
std::vector<NamedEdit> edits_of(double mean_active) {
  return {{"zero", EditKind::Zero, 0.0},
          {"scale", EditKind::Scale, 2.0},
          {"clamp", EditKind::Clamp, mean_active},
          {"steer", EditKind::Steer, mean_active}};
}

std::vector<double> column(const std::vector<EditTrial>& trials, double EditTrial::*member) {
  std::vector<double> values;
  for (const EditTrial& trial : trials) values.push_back(trial.*member);
  return values;
}

// What the feature's edit did beyond the random direction's, document by document.
std::vector<double> contrast(const std::vector<EditTrial>& trials, double EditTrial::*own, double EditTrial::*control) {
  std::vector<double> values;
  for (const EditTrial& trial : trials) values.push_back(trial.*own - trial.*control);
  return values;
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return values.empty() ? std::nan("") : sum / static_cast<double>(values.size());
}

Json edit_json(const FeatureEdit& edit, const char* name, const std::vector<EditTrial>& trials,
               const StudyConfig& config) {
  const std::vector<double> measured = column(trials, &EditTrial::measured);
  const Resamples resamples =
      document_resamples(static_cast<std::int64_t>(trials.size()),
                         {.replicates = config.bootstrap, .seed = static_cast<std::uint64_t>(config.seed)});
  const Interval interval = bootstrap_mean(resamples, measured);
  const Interval beyond =
      bootstrap_mean(resamples, contrast(trials, &EditTrial::measured, &EditTrial::control_measured));
  const Interval kl_beyond = bootstrap_mean(resamples, contrast(trials, &EditTrial::kl, &EditTrial::control_kl));
  return {{"layer", edit.layer},
          {"feature", edit.feature},
          {"kind", name},
          {"amount", edit.amount},
          {"documents", trials.size()},
          {"tokens", static_cast<std::int64_t>(trials.size()) * config.window},
          {"predicted", mean(column(trials, &EditTrial::predicted))},
          {"predicted_lens", mean(column(trials, &EditTrial::predicted_lens))},
          {"measured", mean(measured)},
          {"measured_ci", {interval.low, interval.high}},
          {"kl", mean(column(trials, &EditTrial::kl))},
          {"top1_changed", mean(column(trials, &EditTrial::top1_changed))},
          {"control_measured", mean(column(trials, &EditTrial::control_measured))},
          {"control_kl", mean(column(trials, &EditTrial::control_kl))},
          {"contrast_ci", {beyond.low, beyond.high}},
          {"kl_contrast_ci", {kl_beyond.low, kl_beyond.high}}};
}

struct DosePairs {
  std::vector<double> predicted, measured;
  std::vector<std::int64_t> document;
};

void add_doses(std::map<double, DosePairs>& doses, const StudyData& data, const EditDocument& document,
               const at::Tensor& direction, std::int64_t feature, std::int64_t index) {
  at::Tensor active = feature_activations(document.codes, feature);
  active.narrow(0, 0, data.first_position).zero_();
  if (!active.any().item<bool>()) return;
  for (const DosePoint& point :
       dose_response(*data.model, document.baseline, active, direction, document.full_gradient, kDoses)) {
    doses[point.dose].predicted.push_back(point.predicted);
    doses[point.dose].measured.push_back(point.total);
    doses[point.dose].document.push_back(index);
  }
}

// The squares of an interval of r: where it holds 0, so does that of R^2.
Interval squared(const Interval& r) {
  const double low = r.low * r.low, high = r.high * r.high;
  return {r.low * r.high > 0.0 ? std::min(low, high) : 0.0, std::max(low, high)};
}

// 95 % interval of R^2, from r: the square itself folds at 0 and would leave its own estimate out. A document brings
// all its features along.
Interval r2_interval(const DosePairs& pairs, std::int64_t documents, const StudyConfig& config) {
  std::vector<std::vector<std::size_t>> of_document(static_cast<std::size_t>(documents));
  for (std::size_t i = 0; i < pairs.document.size(); ++i) of_document[pairs.document[i]].push_back(i);
  const auto r = [&](std::span<const std::int32_t> drawn) {
    std::vector<double> predicted, measured;
    for (const std::int32_t d : drawn) {
      for (const std::size_t i : of_document[d]) {
        predicted.push_back(pairs.predicted[i]);
        measured.push_back(pairs.measured[i]);
      }
    }
    return pearson(predicted, measured);
  };
  return squared(bootstrap_interval(
      document_resamples(documents, {.replicates = config.bootstrap, .seed = static_cast<std::uint64_t>(config.seed)}),
      r));
}

Json doses_json(const std::map<double, DosePairs>& doses, std::int64_t layer, std::int64_t documents,
                const StudyConfig& config) {
  Json rows = Json::array();
  for (const auto& [dose, pairs] : doses) {
    const Agreement a = agreement(pairs.predicted, pairs.measured);
    const Interval interval = r2_interval(pairs, documents, config);
    rows.push_back({{"layer", layer},
                    {"dose", dose},
                    {"slope", a.slope},
                    {"intercept", a.intercept},
                    {"r2", a.r_squared},
                    {"r2_ci", {interval.low, interval.high}},
                    {"spearman", a.spearman},
                    {"sign_agreement", a.sign_agreement},
                    {"documents", documents},
                    {"n", a.count}});
  }
  return rows;
}

// Edits that ask for nothing must change nothing, to the bit, through the whole running model.
bool identity_is_bitwise(const StudyData& data, const Dictionary& dictionary, const FeatureEdit& like) {
  const TokenBatch batch = pad_right({data.of(Split::B).front()->ids});
  const at::Tensor plain = data.model->forward(batch).logits;
  for (const EditKind kind : {EditKind::Scale, EditKind::Steer}) {
    FeatureEdit edit = like;
    edit.kind = kind;
    edit.amount = kind == EditKind::Scale ? 1.0 : 0.0;
    FeatureEditor editor(dictionary, edit);
    ForwardOptions options;
    options.editor = &editor;
    if (!at::equal(data.model->forward(batch, options).logits, plain)) return false;
  }
  return true;
}

struct LayerEdits {
  Json edits = Json::array(), doses = Json::array();
  bool identity = true;
};

LayerEdits edit_layer(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary,
                      const LayerAlignment& alignment, Progress& progress) {
  LayerEdits result;
  const auto documents = prepare_documents(data, dictionary, alignment.layer, config.edited_documents, progress);
  const std::vector<std::int64_t> features = chosen_features(alignment.a, config.edited_features);
  progress.begin("edit layer " + std::to_string(alignment.layer), static_cast<std::int64_t>(features.size()));
  std::map<double, DosePairs> doses;
  for (const std::int64_t feature : features) {
    FeatureEdit edit{.layer = alignment.layer, .feature = feature, .first_position = data.first_position};
    for (const NamedEdit& named : edits_of(mean_active_value(documents, feature))) {
      edit.kind = named.kind;
      edit.amount = named.amount;
      const auto trials =
          run_edit(data, dictionary, documents, edit, static_cast<std::uint64_t>(config.seed), progress);
      if (!trials.empty()) result.edits.push_back(edit_json(edit, named.name, trials, config));
    }
    for (std::size_t d = 0; d < documents.size(); ++d) {
      progress.check();
      add_doses(doses, data, documents[d], dictionary.atoms()[feature], feature, static_cast<std::int64_t>(d));
    }
    result.identity = result.identity && identity_is_bitwise(data, dictionary, edit);
    progress.advance(1);
  }
  result.doses = doses_json(doses, alignment.layer, static_cast<std::int64_t>(documents.size()), config);
  return result;
}

}  // namespace

Json interventions_section(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                           const std::vector<LayerAlignment>& alignments, Progress& progress) {
  Json edits = Json::array(), doses = Json::array();
  bool identity = true;
  for (std::size_t i = 0; i < alignments.size(); ++i) {
    LayerEdits layer = edit_layer(data, config, *dictionaries[i], alignments[i], progress);
    for (Json& row : layer.edits) edits.push_back(std::move(row));
    for (Json& row : layer.doses) doses.push_back(std::move(row));
    identity = identity && layer.identity;
  }
  return {{"layers", config.layers}, {"edits", edits}, {"dose_response", doses}, {"identity_bitwise", identity}};
}

}  // namespace energy_lens
