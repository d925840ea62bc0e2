#include "energy_lens/experiment/efas_section.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "energy_lens/alignment/critical_correlation.h"
#include "energy_lens/alignment/replication.h"
#include "energy_lens/alignment/seed_compat.h"
#include "energy_lens/alignment/sequence_energy.h"
#include "energy_lens/core/error.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"

namespace energy_lens {
namespace {

std::vector<std::int64_t> stratum_labels(const std::vector<const Window*>& windows) {
  std::map<std::string, std::int64_t> label_of;
  std::vector<std::int64_t> labels;
  for (const Window* window : windows) {
    labels.push_back(label_of.try_emplace(window->stratum, static_cast<std::int64_t>(label_of.size())).first->second);
  }
  return labels;
}

EfasResult align_split(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary,
                       const CorpusPass& pass, const LayerActivations& layer, Progress& progress) {
  EfasInput input;
  input.documents = layer.resid.size(0);
  input.tokens = layer.resid.size(1);
  input.codes = dictionary.encode(layer.resid.flatten(0, 1));
  input.atoms = dictionary.atoms();
  input.gradient = layer.gradient;
  input.expected_gradient = layer.expected_gradient;
  input.mask = kept_positions(data, input.tokens);
  input.strata = stratum_labels(pass.windows);
  input.scalars = sequence_series(layer.energy, layer.depth_descent);
  EfasOptions options;
  options.permutations = config.permutations;
  options.bootstrap_replicates = config.bootstrap;
  options.seed = static_cast<std::uint64_t>(config.seed);
  return compute_efas(input, options, progress);
}

double scalar_score(const EfasResult& result, const std::string& name, std::int64_t feature) {
  for (const ScalarResult& scalar : result.scalars) {
    if (scalar.name != name) continue;
    for (const ScalarFeatureScore& score : scalar.features) {
      if (score.feature == feature) return score.score.within;
    }
  }
  return std::nan("");
}

Json feature_json(const EfasResult& a, const FeatureScore& f, const ReplicationRow* row) {
  return {{"feature", f.feature},
          {"efas_rb_within", f.expected.within},
          {"ci", {f.interval.low, f.interval.high}},
          {"p", f.test.p},
          {"p_max_t", f.test.max_t},
          {"q_bh", f.test.bh_q},
          {"q_by", f.test.by_q},
          {"efas_rb_between", f.expected.between},
          {"efas_rb_pooled", f.expected.pooled},
          {"efas_d", f.direct.within},
          {"efas_seq", scalar_score(a, "seq", f.feature)},
          {"efas_depth", scalar_score(a, "depth", f.feature)},
          {"a_k", f.direct.mean_product},
          {"abs_a_k", f.direct.mean_abs_product},
          {"active_tokens", f.active_tokens},
          {"active_documents", f.active_documents},
          {"n_eff", f.effective_tokens},
          {"control_z", f.control_z},
          {"control_max_t", f.control_max_t},
          {"r_b", row ? row->r_b : std::nan("")},
          {"p_b", row ? row->holm_p_b : std::nan("")},
          {"p_max_t_b", row ? row->max_t_b : std::nan("")}};
}

// Smallest p first; among equals the larger score.
std::vector<const FeatureScore*> tested_in_order(const EfasResult& result) {
  std::vector<const FeatureScore*> tested;
  for (const FeatureScore& score : result.scores) {
    if (score.testable) tested.push_back(&score);
  }
  std::stable_sort(tested.begin(), tested.end(), [](const FeatureScore* x, const FeatureScore* y) {
    return x->test.p != y->test.p ? x->test.p < y->test.p : std::abs(x->primary) > std::abs(y->primary);
  });
  return tested;
}

Json replication_json(const Replication& r) {
  const auto rows = static_cast<std::int64_t>(r.rows.size());
  return {{"n", rows},
          {"sign_agreement", rows == 0 ? std::nan("") : static_cast<double>(r.same_sign) / static_cast<double>(rows)},
          {"slope", r.shrinkage},
          {"holm_significant", r.confirmed}};
}

std::int64_t aligned_count(const EfasResult& result) {
  return std::count_if(result.scores.begin(), result.scores.end(), [](const FeatureScore& f) { return f.aligned; });
}

// p of "some feature is aligned": the smallest over features of the larger of the two max-T p-values.
double smallest_aligned_p(const EfasResult& result) {
  double smallest = std::nan("");
  for (const FeatureScore& f : result.scores) {
    if (!f.testable || std::isnan(f.control_max_t)) continue;
    const double p = std::max(f.test.max_t, f.control_max_t);
    if (!(smallest <= p)) smallest = p;
  }
  return smallest;
}

Json layer_json(const LayerAlignment& alignment) {
  const EfasResult& a = alignment.a;
  const Replication replication = replicate(a, alignment.b);
  std::map<std::int64_t, const ReplicationRow*> row_of;
  for (const ReplicationRow& row : replication.rows) row_of[row.feature] = &row;
  Json features = Json::array();
  std::int64_t max_t = 0, bh = 0, both = 0;
  for (const FeatureScore* f : tested_in_order(a)) {
    max_t += f->test.max_t <= 0.05;
    bh += f->test.bh_q <= 0.05;
    both += f->aligned;
    const auto row = row_of.find(f->feature);
    features.push_back(feature_json(a, *f, row == row_of.end() ? nullptr : row->second));
  }
  return {{"layer", alignment.layer},
          {"permutations", a.permutations},
          {"documents_a", a.documents},
          {"documents_b", alignment.b.documents},
          {"alone_a", a.alone},
          {"alone_b", alignment.b.alone},
          {"tokens_a", a.tokens},
          {"tokens_b", alignment.b.tokens},
          {"underpowered", a.underpowered || alignment.b.underpowered},
          {"tested", a.tested},
          {"tested_b", alignment.b.tested},
          {"significant_max_t", max_t},
          {"significant_bh", bh},
          {"passes_both_nulls", both},
          {"passes_both_nulls_b", aligned_count(alignment.b)},
          {"smallest_p_b", smallest_aligned_p(alignment.b)},
          {"replication", replication_json(replication)},
          {"features", features}};
}

Json seed_compat_json(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary,
                      std::int64_t layer) {
  std::vector<at::Tensor> streams, descents;
  for (const std::string& text : data.texts) {
    const Encoding encoding = data.tokenizer->encode(text);  // without BOS, as the prototype did
    if (encoding.ids.size() < 3 || static_cast<std::int64_t>(encoding.ids.size()) > data.model->config().n_ctx)
      continue;
    const TextLens lens = lens_of_text(*data.model, encoding.ids, {layer}, {.top_k = 0});
    streams.push_back(capture_streams(*data.model, pad_right({encoding.ids}), {layer}).resid[0][0]);
    descents.push_back(prototype_descent(lens.rows[0].energy));
  }
  constexpr std::int64_t kShuffles = 100;
  Json features = Json::array();
  std::int64_t tokens = 0;
  if (!streams.empty()) {
    const at::Tensor stream = at::cat(streams);
    tokens = stream.size(0);
    for (const SeedCompatScore& score :
         seed_compat_scores(dictionary.encode(stream), config.atoms, at::cat(descents),
                            {.permutations = kShuffles, .seed = static_cast<std::uint64_t>(config.seed)})) {
      features.push_back({{"feature", score.feature},
                          {"r", score.r},
                          {"p", score.p},
                          {"prototype_p", score.prototype_p},
                          {"prototype_lists", score.prototype_lists},
                          {"active_tokens", score.active_tokens}});
    }
  }
  return {{"layer", layer},
          {"n_tokens", tokens},
          {"permutations", kShuffles},
          {"critical_r", tokens >= 3 ? critical_correlation(tokens) : std::nan("")},
          {"features", features}};
}

}  // namespace

std::vector<LayerAlignment> align_features(const StudyData& data, const StudyConfig& config,
                                           const LayerDictionaries& dictionaries, const CorpusPass& a,
                                           const CorpusPass& b, Progress& progress) {
  std::vector<LayerAlignment> alignments;
  for (std::size_t i = 0; i < dictionaries.size(); ++i) {
    LayerAlignment alignment;
    alignment.layer = config.layers[i];
    alignment.a = align_split(data, config, *dictionaries[i], a, a.layers[i], progress);
    alignment.b = align_split(data, config, *dictionaries[i], b, b.layers[i], progress);
    alignments.push_back(std::move(alignment));
  }
  return alignments;
}

Json seed_compat_section(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                         Progress& progress) {
  progress.begin("the prototype's protocol", static_cast<std::int64_t>(dictionaries.size()));
  Json layers = Json::array();
  for (std::size_t i = 0; i < dictionaries.size(); ++i) {
    progress.check();
    layers.push_back(seed_compat_json(data, config, *dictionaries[i], config.layers[i]));
    progress.advance(1);
  }
  return layers;
}

Json efas_section(const std::vector<LayerAlignment>& alignments) {
  Json layers = Json::array();
  for (const LayerAlignment& alignment : alignments) layers.push_back(layer_json(alignment));
  return layers;
}

}  // namespace energy_lens
