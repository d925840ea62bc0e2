#include "energy_lens/experiment/efas_section.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "energy_lens/alignment/critical_correlation.h"
#include "energy_lens/alignment/replication.h"
#include "energy_lens/alignment/seed_compat.h"
#include "energy_lens/experiment/alignment_input.h"
#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/lens/streams.h"

namespace energy_lens {
namespace {

EfasOptions options_of(const StudyConfig& config) {
  EfasOptions options;
  options.permutations = config.permutations;
  options.bootstrap_replicates = config.bootstrap;
  options.shifts = config.shifts;
  options.seed = static_cast<std::uint64_t>(config.seed);
  return options;
}

Json feature_json(const EfasResult& a, std::size_t rank, const ReplicationRow* row) {
  const FeatureScore& f = a.scores[rank];
  const auto scalar_at = [&](std::size_t place) { return a.scalars[place].features[rank].score.within; };
  const auto scalar = [&](SequenceScalar kind) { return scalar_at(static_cast<std::size_t>(kind)); };
  return {{"feature", f.feature},
          {"efas_rb_within", f.expected.within},
          {"ci", interval_json(f.interval)},
          {"p", f.test.p},
          {"p_max_t", f.test.max_t},
          {"p_step_down", f.test.step_down},
          {"q_bh", f.test.bh_q},
          {"q_by", f.test.by_q},
          {"p_shift", f.readings.shift_p},
          {"efas_rb_between", f.expected.between},
          {"efas_rb_pooled", f.expected.pooled},
          {"efas_rb_partial", f.readings.partial},
          {"efas_rb_partial_ci", interval_json(f.readings.partial_interval)},
          {"efas_active", f.readings.sparse.active},
          {"efas_point_biserial", f.readings.sparse.point_biserial},
          {"efas_spearman", f.readings.sparse.spearman},
          {"efas_n", f.norm_free.within},
          {"efas_d", f.direct.within},
          {"efas_seq", scalar(SequenceScalar::Sequence)},
          {"efas_energy_before", scalar(SequenceScalar::EnergyBefore)},
          {"efas_energy", scalar(SequenceScalar::Energy)},
          {"efas_energy_after", scalar(SequenceScalar::EnergyAfter)},
          {"efas_depth", scalar(SequenceScalar::Depth)},
          {"efas_gradient_norm", scalar_at(kGradientNormScalar)},
          {"a_k", f.direct.mean_product},
          {"abs_a_k", f.direct.mean_abs_product},
          {"active_tokens", f.active_tokens},
          {"active_documents", f.active_documents},
          {"negative_share", f.negative_share},
          {"n_eff", f.effective_tokens},
          {"control_z", f.control_z},
          {"control_max_t", f.control_max_t},
          {"r_b", row ? row->r_b : std::nan("")},
          {"p_b", row ? row->holm_p_b : std::nan("")},
          {"p_max_t_b", row ? row->max_t_b : std::nan("")}};
}

// Places in result.scores, smallest p first; among equals the larger score.
std::vector<std::size_t> tested_in_order(const EfasResult& result) {
  const std::vector<FeatureScore>& scores = result.scores;
  std::vector<std::size_t> tested;
  for (std::size_t rank = 0; rank < scores.size(); ++rank) {
    if (scores[rank].testable) tested.push_back(rank);
  }
  std::stable_sort(tested.begin(), tested.end(), [&](std::size_t x, std::size_t y) {
    const FeatureScore &a = scores[x], &b = scores[y];
    return a.test.p != b.test.p ? a.test.p < b.test.p : std::abs(a.primary) > std::abs(b.primary);
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
  for (const std::size_t rank : tested_in_order(a)) {
    const FeatureScore& f = a.scores[rank];
    max_t += f.test.max_t <= EfasOptions{}.level;
    bh += f.test.bh_q <= EfasOptions{}.level;
    both += f.aligned;
    const auto row = row_of.find(f.feature);
    features.push_back(feature_json(a, rank, row == row_of.end() ? nullptr : row->second));
  }
  return {{"layer", alignment.layer},
          {"permutations", a.permutations},
          {"shifts", a.shifts},
          {"documents_a", a.documents},
          {"documents_b", alignment.b.documents},
          {"alone_a", a.alone},
          {"alone_b", alignment.b.alone},
          {"tokens_a", a.tokens},
          {"tokens_b", alignment.b.tokens},
          {"underpowered", a.underpowered || alignment.b.underpowered},
          {"silent", a.silent},
          {"untestable", static_cast<std::int64_t>(a.scores.size()) - a.tested},
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

// The study's texts as the prototype read them: without BOS.
struct PrototypeTokens {
  at::Tensor stream;   // [N, D], undefined without a token
  at::Tensor descent;  // [N]
};

PrototypeTokens prototype_tokens(const StudyData& data, std::int64_t layer) {
  std::vector<at::Tensor> streams, descents;
  for (const std::string& text : data.texts) {
    const std::vector<std::int64_t> ids = data.tokenizer->encode(text).ids;
    if (ids.size() < 3 || static_cast<std::int64_t>(ids.size()) > data.model->config().n_ctx) continue;
    streams.push_back(capture_streams(*data.model, pad_right({ids}), {layer}).resid[0][0]);
    descents.push_back(prototype_descent(lens_of_stream(*data.model, streams.back(), ids).energy));
  }
  if (streams.empty()) return {};
  return {at::cat(streams), at::cat(descents)};
}

Json seed_compat_json(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary,
                      std::int64_t layer) {
  const PrototypeTokens seen = prototype_tokens(data, layer);
  const std::int64_t tokens = seen.stream.defined() ? seen.stream.size(0) : 0;
  constexpr std::int64_t kShuffles = 100;
  Json features = Json::array();
  if (tokens > 0) {
    for (const SeedCompatScore& score :
         seed_compat_scores(dictionary.encode(seen.stream), config.atoms, seen.descent,
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
    EfasOptions options = options_of(config);
    EfasInput discovered = alignment_input(data, *dictionaries[i], a, a.layers[i]);
    discovered.covariates = partial_covariates(data, a.windows, discovered);
    alignment.a = compute_efas(discovered, options, progress);
    options.readings = false;  // split B only confirms
    alignment.b = compute_efas(alignment_input(data, *dictionaries[i], b, b.layers[i]), options, progress);
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
