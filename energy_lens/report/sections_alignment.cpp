// The sections about alignment: this study's and, for comparison, the prototype's.
#include <algorithm>
#include <cmath>

#include "energy_lens/report/format.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

constexpr std::size_t kFirstFeatures = 8, kMostFeatures = 40;

// What a split that is large enough allows to claim; the counts of one that is not are 0, whatever its features did.
std::string claims(const Json& layer) {
  if (layer.at("underpowered").get<bool>()) {
    return "This split is underpowered: features that beat both nulls or are confirmed on split B are not counted, and "
           "no claim is made.";
  }
  const Json& replication = layer.at("replication");
  return show(layer.at("passes_both_nulls")) + " also beat the directions of other features. On split B " +
         show(replication.at("holm_significant")) + " of " + show(replication.at("n")) +
         " are confirmed (Holm, one-sided); share of equal signs " + show(replication.at("sign_agreement"), 3) +
         ", slope of B on A " + show(replication.at("slope"), 3) + ".";
}

std::string layer_summary(const Json& layer) {
  return "Layer " + show(layer.at("layer")) + ": " + show(layer.at("tested")) + " features tested on " +
         show(layer.at("documents_a")) + " documents (" + show(layer.at("tokens_a")) + " tokens) with " +
         show(layer.at("permutations")) + " document permutations. " + show(layer.at("significant_max_t")) +
         " pass max-T at 0.05, " + show(layer.at("significant_bh")) + " pass BH at q 0.05. " + claims(layer);
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
                                         {"N eff (tokens)", "n_eff", 0}};

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
                                           {"N eff (tokens)", "n_eff", 0}};

}  // namespace

Section alignment_section(const Json& results) {
  Section section{"alignment", "Energy-feature alignment (EFAS)", {}};
  section.blocks.push_back(Paragraph{
      "EFAS-RB within is the correlation, inside documents, of a feature's activation with the energy descent along "
      "its own direction, -d . grad KL(final || layer). The null permutes whole documents inside their stratum; the "
      "max-T p-value corrects for all features tested. A feature counts as aligned only if it also beats the "
      "directions of other features of similar density. |r| below 0.05 is negligible whatever its p. Alignment "
      "describes where a feature fires; that it matters to the model is for the edits below to show."});
  for (const Json& layer : results.at("efas")) {
    if (layer.at("underpowered").get<bool>()) {
      section.blocks.push_back(Notice{layer_summary(layer)});
    } else {
      section.blocks.push_back(Paragraph{layer_summary(layer)});
    }
    section.blocks.push_back(table_of(layer.at("features"), kFirstFields, kFirstFeatures));
    section.blocks.push_back(table_of(layer.at("features"), kFeatureFields, kMostFeatures,
                                      "More features and columns of layer " + show(layer.at("layer"))));
  }
  section.blocks.push_back(Paragraph{
      "Features stand by their own p-value, then by size. A is the mean of activation times descent, nats a token; r "
      "on B is given for features discovered on A. EFAS-N leaves the stream's size out, EFAS-D takes the true next "
      "token. The energies before and at a position are the surprisals of its token and of the next one: a feature "
      "of rare tokens correlates with them whatever its direction. Every tested feature is in results.json."});
  section.blocks.push_back(Paragraph{
      "The secondary null turns each document's series round its window by a random amount: it keeps the "
      "autocorrelation inside a document whatever the other documents are like, but not a trend over positions that "
      "documents share (its mean is taken out of both series first), so it stands beside the permutation of "
      "documents and replaces nothing. Partial is the primary score with log frequency of the token and of the next "
      "one, log size of the stream and the energy before held fixed: a feature of rare tokens loses there what it "
      "owes to their rareness. Over active tokens only, the correlation is of the signed activation; point-biserial, "
      "of whether it fires; Spearman, of ranks. EFAS-S is the correlation with the gradient's norm."});
  return section;
}

Section prototype_section(const Json& results) {
  Section section{"seed-compat", "seed-compat: the prototype's protocol, for comparison only", {}};
  section.blocks.push_back(Paragraph{
      "Correlation with the central difference of the energies over the texts above, against shuffles of tokens, of "
      "features active on at least three of them. The protocol is the prototype's; energies (with the final norm) "
      "and features are this study's. Tokens of a text are not independent, so these p-values are too small; nothing "
      "in this report rests on them."});
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

}  // namespace energy_lens::report
