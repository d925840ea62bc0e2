#include "energy_lens/experiment/intervention_section.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "energy_lens/experiment/edit_agreement.h"
#include "energy_lens/experiment/edit_trials.h"
#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/stats/bootstrap.h"

namespace energy_lens {
namespace {

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

// Mean over documents of Q_k: [K].
at::Tensor importance_of(const std::vector<EditDocument>& documents) {
  std::vector<at::Tensor> each;
  for (const EditDocument& document : documents) each.push_back(document.importance);
  return at::stack(each).mean(0);
}

struct NamedEdit {
  const char* name;
  EditKind kind;
  double amount;
  EditScope scope = EditScope::Active;
};

// Clamping and steering go by the feature's own mean active value, so that amounts mean the same in every layer.
std::vector<NamedEdit> edits_of(double mean_active) {
  return {{"zero", EditKind::Zero, 0.0},
          {"scale", EditKind::Scale, 2.0},
          {"clamp", EditKind::Clamp, mean_active},
          {"steer", EditKind::Steer, mean_active},
          {"steer-all", EditKind::Steer, mean_active, EditScope::All}};
}

std::vector<double> column(const std::vector<EditTrial>& trials, double EditTrial::* member) {
  std::vector<double> values;
  for (const EditTrial& trial : trials) values.push_back(trial.*member);
  return values;
}

// What the feature's edit did beyond the random direction's, document by document.
std::vector<double> contrast(const std::vector<EditTrial>& trials, double EditTrial::* own,
                             double EditTrial::* control) {
  std::vector<double> values;
  for (const EditTrial& trial : trials) values.push_back(trial.*own - trial.*control);
  return values;
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return values.empty() ? std::nan("") : sum / static_cast<double>(values.size());
}

Json edit_json(const FeatureEdit& edit, const char* name, double importance, const std::vector<EditTrial>& trials,
               const StudyConfig& config) {
  const std::vector<double> measured = column(trials, &EditTrial::measured);
  const Resamples resamples = document_resamples(static_cast<std::int64_t>(trials.size()), config.bootstrap_options());
  const auto beyond = [&](double EditTrial::* own, double EditTrial::* control) {
    return interval_json(bootstrap_mean(resamples, contrast(trials, own, control)));
  };
  return {{"layer", edit.layer},
          {"feature", edit.feature},
          {"kind", name},
          {"amount", edit.amount},
          {"importance", importance},
          {"documents", trials.size()},
          {"tokens", static_cast<std::int64_t>(trials.size()) * config.window},
          {"predicted", mean(column(trials, &EditTrial::predicted))},
          {"predicted_second_order", mean(column(trials, &EditTrial::predicted_second_order))},
          {"predicted_lens", mean(column(trials, &EditTrial::predicted_lens))},
          {"measured", mean(measured)},
          {"measured_ci", interval_json(bootstrap_mean(resamples, measured))},
          {"measured_own", mean(column(trials, &EditTrial::own))},
          {"kl", mean(column(trials, &EditTrial::kl))},
          {"top1_changed", mean(column(trials, &EditTrial::top1_changed))},
          {"control_measured", mean(column(trials, &EditTrial::control_measured))},
          {"control_kl", mean(column(trials, &EditTrial::control_kl))},
          {"contrast_ci", beyond(&EditTrial::measured, &EditTrial::control_measured)},
          {"kl_contrast_ci", beyond(&EditTrial::kl, &EditTrial::control_kl)}};
}

// Everything that is done to one layer.
class LayerEdits {
 public:
  LayerEdits(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary, std::int64_t layer,
             Progress& progress)
      : data_(data),
        config_(config),
        dictionary_(dictionary),
        layer_(layer),
        progress_(progress),
        documents_(prepare_documents(data, config, dictionary, layer, progress)),
        importance_(importance_of(documents_)) {}

  void edit(const std::vector<std::int64_t>& features) {
    progress_.begin("edit layer " + std::to_string(layer_), static_cast<std::int64_t>(features.size()));
    for (const std::int64_t feature : features) {
      const FeatureEdit plain{.layer = layer_, .feature = feature, .first_position = data_.first_position};
      edit_each_way(plain);
      dose(feature);
      progress_.advance(1);
    }
    integrated_ = integrated_json(integrate_ablations(data_, dictionary_, documents_, features, progress_), layer_);
    if (!edits_.empty()) identity_ = nothing_changes();
  }

  const Json& edits() const { return edits_; }
  const Json& integrated() const { return integrated_; }
  const Json& identity() const { return identity_; }
  Json doses() const { return doses_json(doses_, layer_, static_cast<std::int64_t>(documents_.size()), config_); }

 private:
  void edit_each_way(FeatureEdit edit) {
    const double importance = importance_[edit.feature].item<double>();
    for (const NamedEdit& named : edits_of(mean_active_value(documents_, edit.feature))) {
      edit.kind = named.kind;
      edit.amount = named.amount;
      edit.scope = named.scope;
      const auto seed = static_cast<std::uint64_t>(config_.seed);
      const auto trials = run_edit(data_, dictionary_, documents_, edit, seed, progress_);
      if (!trials.empty()) edits_.push_back(edit_json(edit, named.name, importance, trials, config_));
    }
  }

  bool nothing_changes() {
    bool same = true;
    for (const EditDocument& document : documents_) {
      progress_.check();
      same = same && null_edit_is_bitwise(*data_.model, document.baseline);
    }
    return same;
  }

  void dose(std::int64_t feature) {
    for (std::size_t d = 0; d < documents_.size(); ++d) {
      progress_.check();
      add_doses(doses_, data_, documents_[d], dictionary_.atoms()[feature], feature, static_cast<std::int64_t>(d));
    }
  }

  const StudyData& data_;
  const StudyConfig& config_;
  const Dictionary& dictionary_;
  const std::int64_t layer_;
  Progress& progress_;
  const std::vector<EditDocument> documents_;
  const at::Tensor importance_;  // [K]
  Json edits_ = Json::array();
  Json integrated_;
  Json identity_;  // null: nothing was edited, for no chosen feature is active anywhere
  std::map<double, DosePairs> doses_;
};

}  // namespace

Json layer_interventions(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary,
                         const LayerAlignment& alignment, Progress& progress) {
  LayerEdits layer(data, config, dictionary, alignment.layer, progress);
  layer.edit(chosen_features(alignment.a, config.edited_features));
  return {{"edits", layer.edits()},
          {"dose_response", layer.doses()},
          {"integrated", layer.integrated()},
          {"identity_bitwise", layer.identity()}};
}

Json joined_interventions(const StudyConfig& config, const std::vector<Json>& layers) {
  Json edits = Json::array(), doses = Json::array(), integrated = Json::array();
  Json identity;  // null until an edit ran
  for (const Json& layer : layers) {
    for (const Json& row : layer.at("edits")) edits.push_back(row);
    for (const Json& row : layer.at("dose_response")) doses.push_back(row);
    integrated.push_back(layer.at("integrated"));
    const Json& ran = layer.at("identity_bitwise");
    if (!ran.is_null()) identity = ran.get<bool>() && (identity.is_null() || identity.get<bool>());
  }
  return {{"layers", config.layers},
          {"edits", edits},
          {"dose_response", doses},
          {"integrated", integrated},
          {"identity_bitwise", identity}};
}

}  // namespace energy_lens
