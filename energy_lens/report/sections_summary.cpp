// The first screen: what was found, in sentences whose numbers come from the results, then the registered statements.
#include <algorithm>
#include <cmath>

#include "energy_lens/report/format.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

// "a, b and c" of one field over the elements of a list; with a second key, "a of x, b of y and c of z".
std::string listed(const Json& rows, const char* key, const char* of = nullptr) {
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == rows.size() ? " and " : ", ") + show(rows[i].at(key), 3);
    if (of != nullptr) text += " of " + show(rows[i].at(of), 3);
  }
  return text;
}

std::string layers_of(const Json& rows) { return (rows.size() == 1 ? "layer " : "layers ") + listed(rows, "layer"); }

std::string energy_found(const Json& results) {
  const Json& lens = results.at("lens");
  const double uniform = real(lens.at("uniform_energy"));
  std::string text =
      "On the documents of splits A and B the model's loss is " + show(lens.at("energy_mean").back(), 3) +
      " nats a token " + show_interval(lens.at("energy_ci").back()) + ". Read through the logit lens, the energy is " +
      show(lens.at("energy_mean").front(), 3) + " nats at layer " + show(lens.at("layers").front()) + " and ";
  for (std::size_t i = 0; i < lens.at("layers").size(); ++i) {
    if (real(lens.at("energy_mean")[i]) >= uniform) continue;
    return text + "first falls below that of a uniform guess (" + show(uniform, 3) + " nats) at layer " +
           show(lens.at("layers")[i]) + ".";
  }
  return text + "never falls below that of a uniform guess (" + show(uniform, 3) + " nats).";
}

std::string dictionaries_found(const Json& results) {
  const Json& rows = results.at("dictionaries");
  if (rows.empty()) return "No dictionary was learned.";
  return "With " + show(rows[0].at("active")) + " of " + show(rows[0].at("atoms")) +
         " atoms a token, learned dictionaries explain " + listed(rows, "ev") +
         " of the variance of unseen documents at " + layers_of(rows) +
         "; random dictionaries with the same coder explain " + listed(rows, "random_ev") + ".";
}

std::string alignment_found(const Json& results) {
  const Json& rows = results.at("efas");
  for (const Json& layer : rows) {
    if (layer.at("underpowered").get<bool>()) return "Alignment is underpowered on this corpus: no claim is made.";
  }
  return "On the confirmation documents " + listed(rows, "passes_both_nulls_b", "tested_b") + " tested features (" +
         layers_of(rows) +
         ") align with the descent of the lens energy beyond both nulls. On the discovery documents only " +
         listed(rows, "passes_both_nulls", "significant_max_t") +
         " features that beat permuted documents also beat the directions of other features: much of a raw score is "
         "not about a feature's own direction.";
}

// R^2 of the layer where it is smallest, with its interval.
std::string worst_r2(const Json& interventions, double dose) {
  const Json* worst = nullptr;
  for (const Json& point : interventions.at("dose_response")) {
    if (real(point.at("dose")) != dose) continue;
    if (worst == nullptr || real(point.at("r2")) < real(worst->at("r2"))) worst = &point;
  }
  if (worst == nullptr) return show(Json());
  return show(worst->at("r2"), 3) + " " + show_interval(worst->at("r2_ci"));
}

std::string edits_found(const Json& results) {
  const Json& least = results.at("run").at("protocol").at("least_edited_documents");
  std::int64_t ablations = 0, stronger = 0;
  for (const Json& edit : results.at("interventions").at("edits")) {
    if (edit.at("kind") != "zero" || edit.at("documents") < least) continue;
    ++ablations;
    stronger += real(edit.at("kl_contrast_ci")[0]) > 0.0;
  }
  if (ablations == 0)
    return "No ablation changed as many as " + show(least) + " of the documents edited: edits allow no claim.";
  return "Removing a feature from the running model moved its predictions more than an equal push along a random "
         "direction for " +
         show_count(stronger) + " of " + show_count(ablations) + " features active in at least " + show(least) +
         " documents (95 % interval of the paired difference above 0). In the layer where it did worst, the gradient "
         "foretold edits of -10 % with R\u00B2 " +
         worst_r2(results.at("interventions"), -0.1) + " and full ablations with R\u00B2 " +
         worst_r2(results.at("interventions"), -1.0) + ".";
}

std::string attractors_found(const Json& results) {
  const Json& attractors = results.at("attractors");
  const Json& prediction = attractors.at("prediction");
  return show(attractors.at("cyclic")) + " of " + show(attractors.at("prompts")) +
         " prompts fall into an exact cycle within " + show(attractors.at("steps")) +
         " greedy steps. Knowing the attractors changes the log-loss of predicting who settles early by " +
         show(prediction.at("difference"), 2) + " nats " + show_interval(prediction.at("difference_ci")) + " on " +
         show(prediction.at("heldout_prompts")) +
         " held-out prompts (negative helps): " + show(prediction.at("verdict")) + ".";
}

std::string what_ran(const Json& results) {
  const Json &model = results.at("model"), &corpus = results.at("corpus"), &run = results.at("run");
  return show(model.at("family")) + " model with " + show(model.at("n_layers")) + " layers, width " +
         show(model.at("d_model")) + ", " + show(model.at("n_parameters")) + " parameters; " +
         show(corpus.at("tokens")) + " tokens of " + show(corpus.at("documents")) + " documents (windows of " +
         show(corpus.at("window")) + " tokens); " + show(run.at("dtype")) + " on " + show(run.at("device")) +
         ", seed " + show(run.at("seed")) + ". Energies are in nats; intervals are 95 % over documents.";
}

bool was_run(const Json& row) { return !row.at("verdict").get<std::string>().starts_with("not run"); }

std::string not_run_here(const Json& hypotheses) {
  std::string text;
  for (const Json& row : hypotheses) {
    if (was_run(row)) continue;
    text += (text.empty() ? "Registered, but not run here: " : "; ") + show(row.at("id")) + ", \"" +
            show(row.at("statement")) + "\" (" + show(row.at("verdict")).substr(std::string("not run: ").size()) + ")";
  }
  return text.empty() ? text : text + ".";
}

}  // namespace

Section summary_section(const Json& results) {
  Section section{"summary", "What was found", {}};
  section.blocks.push_back(Paragraph{what_ran(results)});
  section.blocks.push_back(List{{energy_found(results), dictionaries_found(results), alignment_found(results),
                                 edits_found(results), attractors_found(results)}});
  for (const Json& warning : results.at("warnings")) section.blocks.push_back(Notice{warning.get<std::string>()});
  section.blocks.push_back(
      Paragraph{"Statements fixed before the numbers were seen, and what this run says; a null result is a result."});
  Json run = Json::array();
  std::copy_if(results.at("hypotheses").begin(), results.at("hypotheses").end(), std::back_inserter(run), was_run);
  section.blocks.push_back(table_of(run, {{"", "id"},
                                          {"statement", "statement"},
                                          {"verdict", "verdict"},
                                          {"statistic", "statistic"},
                                          {"value", "value", 3},
                                          {"95 % interval", "ci"},
                                          {"p", "p", 2},
                                          {"n", "n"},
                                          {"documents", "documents"}}));
  const std::string missing = not_run_here(results.at("hypotheses"));
  if (!missing.empty()) section.blocks.push_back(Paragraph{missing});
  return section;
}

}  // namespace energy_lens::report
