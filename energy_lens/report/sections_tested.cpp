// The sections about alignment, interventions and attractors.
#include <algorithm>
#include <cmath>

#include "energy_lens/report/format.h"
#include "energy_lens/report/plot.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

constexpr std::size_t kFirstFeatures = 8, kMostFeatures = 40, kFirstEdits = 10, kMostBasins = 10;

std::string count_of(const Json& value) { return show_count(value.get<std::int64_t>()); }

std::string layer_summary(const Json& layer) {
  const Json& replication = layer.at("replication");
  std::string text =
      "Layer " + count_of(layer.at("layer")) + ": " + count_of(layer.at("tested")) + " features tested on " +
      count_of(layer.at("documents_a")) + " documents (" + count_of(layer.at("tokens_a")) + " tokens) with " +
      count_of(layer.at("permutations")) + " document permutations. " + count_of(layer.at("significant_max_t")) +
      " pass max-T at 0.05, " + count_of(layer.at("significant_bh")) + " pass BH at q 0.05, " +
      count_of(layer.at("passes_both_nulls")) + " also beat the directions of other features. On split B " +
      count_of(replication.at("holm_significant")) + " of " + count_of(replication.at("n")) +
      " are confirmed (Holm, one-sided); share of equal signs " + show(replication.at("sign_agreement"), 3) +
      ", slope of B on A " + show(replication.at("slope"), 3) + ".";
  if (layer.at("underpowered").get<bool>()) text += " This split is underpowered: read no claim into it.";
  return text;
}

const std::vector<Field> kFirstFields = {{"feature", "feature"},
                                         {"EFAS-RB within", "efas_rb_within", 3},
                                         {"95 % interval", "ci"},
                                         {"max-T p", "p_max_t", 2},
                                         {"BH q", "q_bh", 2},
                                         {"direction max-T p", "control_max_t", 2},
                                         {"r on B", "r_b", 3},
                                         {"max-T p on B", "p_max_t_b", 2},
                                         {"A (nats)", "a_k", 3},
                                         {"active tokens", "active_tokens"},
                                         {"documents", "active_documents"},
                                         {"N eff", "n_eff", 0}};

const std::vector<Field> kFeatureFields = {{"feature", "feature"},
                                           {"EFAS-RB within", "efas_rb_within", 3},
                                           {"95 % interval", "ci"},
                                           {"p", "p", 2},
                                           {"max-T p", "p_max_t", 2},
                                           {"BH q", "q_bh", 2},
                                           {"BY q", "q_by", 2},
                                           {"direction z", "control_z", 3},
                                           {"direction max-T p", "control_max_t", 2},
                                           {"r on B", "r_b", 3},
                                           {"Holm p on B", "p_b", 2},
                                           {"step-down p", "p_step_down", 2},
                                           {"secondary null p (shift)", "p_shift", 2},
                                           {"partial", "efas_rb_partial", 3},
                                           {"95 % interval of partial", "efas_rb_partial_ci"},
                                           {"between", "efas_rb_between", 3},
                                           {"pooled", "efas_rb_pooled", 3},
                                           {"active tokens only", "efas_active", 3},
                                           {"point-biserial", "efas_point_biserial", 3},
                                           {"Spearman", "efas_spearman", 3},
                                           {"EFAS-N", "efas_n", 3},
                                           {"EFAS-D", "efas_d", 3},
                                           {"EFAS-depth", "efas_depth", 3},
                                           {"EFAS-S", "efas_gradient_norm", 3},
                                           {"EFAS-seq", "efas_seq", 3},
                                           {"r of energy before", "efas_energy_before", 3},
                                           {"r of energy", "efas_energy", 3},
                                           {"r of energy after", "efas_energy_after", 3},
                                           {"A (nats)", "a_k", 3},
                                           {"E|a s| (nats)", "abs_a_k", 3},
                                           {"active tokens", "active_tokens"},
                                           {"negative", "negative_share", 2},
                                           {"documents", "active_documents"},
                                           {"N eff", "n_eff", 0}};

const std::vector<Field> kEditFields = {{"layer", "layer"},
                                        {"feature", "feature"},
                                        {"edit", "kind"},
                                        {"amount", "amount", 3},
                                        {"documents", "documents"},
                                        {"importance Q", "importance", 3},
                                        {"predicted", "predicted", 3},
                                        {"to 2nd order", "predicted_second_order", 3},
                                        {"lens predicts", "predicted_lens", 3},
                                        {"measured", "measured", 3},
                                        {"95 % interval", "measured_ci"},
                                        {"own", "measured_own", 3},
                                        {"control", "control_measured", 3},
                                        {"KL a token", "kl", 3},
                                        {"control KL", "control_kl", 3},
                                        {"top-1 changed", "top1_changed", 3}};

std::string identity_sentence(const Json& bitwise) {
  if (bitwise.is_null()) return "No edit was run: no feature chosen was active in a document edited.";
  return bitwise.get<bool>()
             ? "An edit of nothing, run the way the others are, left every bit of the model's output as it was."
             : "An edit of nothing CHANGED BITS: do not trust this section.";
}

Json strongest_ablations(const Json& edits) {
  Json ablations = Json::array();
  for (const Json& edit : edits) {
    if (edit.at("kind") == "zero") ablations.push_back(edit);
  }
  std::stable_sort(ablations.begin(), ablations.end(),
                   [](const Json& a, const Json& b) { return real(a.at("kl")) > real(b.at("kl")); });
  return ablations;
}

Picture scatter(const Json& edits) {
  std::vector<double> x, y;
  for (const Json& edit : edits) {
    if (edit.at("kind") != "zero") continue;
    for (const char* key : {"predicted", "predicted_lens"}) x.push_back(real(edit.at(key)));
    for (const char* key : {"measured", "control_measured"}) y.push_back(real(edit.at(key)));
    for (const Json& bound : edit.at("measured_ci")) y.push_back(real(bound));
  }
  const Range xs = range_of(x), ys = range_of(y);
  Plot plot("Predicted against measured change of the loss", "predicted by the gradient, nats a document",
            "measured, nats a document", xs, ys);
  const double low = std::max(xs.low, ys.low), high = std::min(xs.high, ys.high);
  if (low < high) plot.line({low, high}, {low, high}, "diagonal");
  for (const Json& edit : edits) {
    if (edit.at("kind") != "zero") continue;
    const double measured = real(edit.at("measured"));
    const std::string name = "layer " + show(edit.at("layer")) + " feature " + show(edit.at("feature")) +
                             ": measured " + show(edit.at("measured")) + " " + show_interval(edit.at("measured_ci"));
    plot.whisker(real(edit.at("predicted")), real(edit.at("measured_ci")[0]), real(edit.at("measured_ci")[1]));
    plot.dot(real(edit.at("predicted_lens")), measured, "third",
             name + ", lens gradient says " + show(edit.at("predicted_lens")));
    plot.dot(real(edit.at("predicted")), real(edit.at("control_measured")), "second",
             name + ", random direction " + show(edit.at("control_measured")));
    plot.dot(real(edit.at("predicted")), measured, "main", name + ", full gradient says " + show(edit.at("predicted")));
  }
  plot.legend({{"main", "full-model gradient"}, {"third", "lens gradient"}, {"second", "random direction, same size"}});
  return {
      plot.svg(),
      "Ablations: every point is one feature, mean over documents, with the 95 % interval of the measurement; on the "
      "dashed line the prediction is exact. The random direction stands at its feature's full-gradient prediction."};
}

}  // namespace

Section alignment_section(const Json& results) {
  Section section{"alignment", "Energy-feature alignment (EFAS)", {}};
  section.blocks.push_back(Paragraph{
      "EFAS-RB within is the correlation, inside documents, of a feature's activation with the energy descent along "
      "its "
      "own direction, -d . grad KL(final || layer). The null permutes whole documents inside their stratum; the max-T "
      "p-value corrects for all features tested. A feature counts as aligned only if it also beats the directions of "
      "other features of similar density. |r| below 0.05 is negligible whatever its p. Alignment describes where a "
      "feature fires; that it matters to the model is for the edits below to show."});
  for (const Json& layer : results.at("efas")) {
    if (layer.at("underpowered").get<bool>()) {
      section.blocks.push_back(Notice{layer_summary(layer)});
    } else {
      section.blocks.push_back(Paragraph{layer_summary(layer)});
    }
    section.blocks.push_back(table_of(layer.at("features"), kFirstFields, kFirstFeatures));
    section.blocks.push_back(table_of(layer.at("features"), kFeatureFields, kMostFeatures,
                                      "More features and columns of layer " + count_of(layer.at("layer"))));
  }
  section.blocks.push_back(Paragraph{
      "Features stand by p-value, then by size. A is the mean of activation times descent, nats a token; r on "
      "B is given for features discovered on A. EFAS-N leaves the stream's size out, EFAS-D takes the true next token. "
      "The energies before and at a position are the surprisals of its token and of the next one: a feature of rare "
      "tokens correlates with them whatever its direction. Every tested feature is in results.json."});
  section.blocks.push_back(Paragraph{
      "The secondary null turns each document's series round its window by a random amount: it keeps the "
      "autocorrelation inside a document whatever the other documents are like, but not a trend over positions that "
      "documents share (its mean is taken out of both series first), so it stands beside the permutation of documents "
      "and replaces nothing. Partial is the primary "
      "score with log frequency of the token and of the next one, log size of the stream and the energy before held "
      "fixed: a feature of rare tokens loses there what it owes to their rareness. Over active tokens only, the "
      "correlation is of the signed activation; point-biserial, of whether it fires; Spearman, of ranks. "
      "EFAS-S is the correlation with the gradient's norm."});
  return section;
}

Section prototype_section(const Json& results) {
  Section section{"seed-compat", "seed-compat: the prototype's protocol, for comparison only", {}};
  section.blocks.push_back(Paragraph{
      "Correlation with the central difference of the energies over the texts above, against shuffles of tokens, "
      "of features active on at least three of them. The protocol is the prototype's; energies (with the final "
      "norm) and features are this study's. Tokens of a text are not independent, so these p-values are too "
      "small; nothing in this report rests on them."});
  Table table{{{"layer", true},
               {"tokens", true},
               {"shuffles", true},
               {"features", true},
               {"it would list (|r| > 0.1)", true},
               {"p <= 0.05", true},
               {"|r| that one in twenty reach by chance", true}},
              {}};
  for (const Json& layer : results.at("seed_compat")) {
    std::int64_t large = 0, small_p = 0;
    for (const Json& feature : layer.at("features")) {
      large += std::abs(real(feature.at("r"))) > 0.1;
      small_p += real(feature.at("p")) <= 0.05;
    }
    table.rows.push_back({show(layer.at("layer")), show(layer.at("n_tokens")), show(layer.at("permutations")),
                          show_count(static_cast<std::int64_t>(layer.at("features").size())), show_count(large),
                          show_count(small_p), show(layer.at("critical_r"), 3)});
  }
  section.blocks.push_back(std::move(table));
  return section;
}

Section interventions_section(const Json& results) {
  const Json& interventions = results.at("interventions");
  Section section{"interventions", "Real edits beside what gradients predicted", {}};
  section.blocks.push_back(Paragraph{
      std::string(
          "Features chosen on split A are edited in the running model on documents of split B: the stream moves along "
          "the feature's direction and keeps what the dictionary did not explain. Changes are of a document's total "
          "loss, in nats: above 0 the edit made the text harder to predict. The control moves the same tokens equally "
          "far along a random direction. Importance Q is what ablation costs in KL to second order, nats a token, from "
          "gradients of labels drawn from the model (Fisher information): it ranks features without an edit. "
          "Predictions to second order add that information along the whole edit; it grows without bound, so they "
          "overstate edits that are large. ") +
      identity_sentence(interventions.at("identity_bitwise"))});
  section.blocks.push_back(scatter(interventions.at("edits")));
  section.blocks.push_back(Paragraph{"The ablations that move the model's predictions most:"});
  section.blocks.push_back(table_of(strongest_ablations(interventions.at("edits")), kEditFields, kFirstEdits));
  section.blocks.push_back(table_of(interventions.at("edits"), kEditFields, SIZE_MAX, "Every edit"));
  section.blocks.push_back(
      Paragraph{"Dose response: a feature's activation is multiplied by 1 + dose. The first-order prediction must be "
                "right for small "
                "doses; how fast it fails says how curved the loss is."});
  section.blocks.push_back(table_of(interventions.at("dose_response"),
                                    {{"layer", "layer"},
                                     {"dose", "dose"},
                                     {"slope", "slope", 3},
                                     {"intercept", "intercept", 3},
                                     {"R\u00B2", "r2", 3},
                                     {"95 % interval of R\u00B2", "r2_ci"},
                                     {"Spearman", "spearman", 3},
                                     {"sign agreement", "sign_agreement", 3},
                                     {"n", "n"}},
                                    SIZE_MAX, "Dose response"));
  section.blocks.push_back(
      Paragraph{"Gradients integrated over ten steps of the way to an ablation must add up to what it did; what they "
                "miss of the measured changes is the integration's own error."});
  section.blocks.push_back(table_of(interventions.at("integrated"), {{"layer", "layer"},
                                                                     {"slope", "slope", 4},
                                                                     {"R\u00B2", "r2", 5},
                                                                     {"missed", "missed", 4},
                                                                     {"documents", "documents"},
                                                                     {"n", "n"}}));
  return section;
}

Section attractors_section(const Json& results) {
  const Json& attractors = results.at("attractors");
  const Json& prediction = attractors.at("prediction");
  Section section{"attractors", "Attractors of greedy decoding", {}};
  section.blocks.push_back(Paragraph{
      "Greedy decoding through a window of " + show(attractors.at("window")) +
      " tokens is a map on a finite set, so every "
      "prompt ends in a cycle. " +
      show(attractors.at("cyclic")) + " of " + show(attractors.at("prompts")) + " prompts reached theirs within " +
      show(attractors.at("steps")) + " steps (training median of the transient: " +
      show(attractors.at("transient_median")) + "). Cycles are found exactly, by comparing windows."});
  section.blocks.push_back(table_of(attractors.at("periods"), {{"period", "period"}, {"prompts", "count"}}));
  Table basins{{{"cycle", false}, {"prompts", true}}, {}};
  for (const Json& basin : attractors.at("basins")) {
    if (basins.rows.size() == kMostBasins) break;
    basins.rows.push_back({visible_token(basin.at("label").get<std::string>()), show(basin.at("size"))});
  }
  section.blocks.push_back(std::move(basins));
  section.blocks.push_back(
      Paragraph{"Predicted from the prompt alone, fitted on split A and scored on split B: does the prompt settle "
                "sooner than the "
                "training median? Log-loss difference of [baselines + attractor] minus [baselines]: " +
                show(prediction.at("difference"), 3) + " " + show_interval(prediction.at("difference_ci")) +
                " nats on " + show(prediction.at("heldout_prompts")) +
                " prompts (negative: the attractor helps). Verdict: " + show(prediction.at("verdict")) + "."});
  section.blocks.push_back(table_of(prediction.at("models"), {{"predictor", "name"},
                                                              {"AUC", "auc", 3},
                                                              {"log-loss", "log_loss", 3},
                                                              {"Brier", "brier", 3},
                                                              {"ECE", "ece", 3}}));
  return section;
}

}  // namespace energy_lens::report
