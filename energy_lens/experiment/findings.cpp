#include "energy_lens/experiment/findings.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "energy_lens/io/utf8.h"
#include "energy_lens/stats/bootstrap.h"

namespace energy_lens {
namespace {

const double kNone = std::nan("");

// One pre-registered statement and what this run says about it. What does not apply stays undefined.
struct Finding {
  const char* id = "";
  const char* statement = "";
  std::string statistic = "";
  double value = kNone;
  Json interval = {kNone, kNone};
  double p = kNone;
  std::int64_t n = 0;  // units the statistic is computed over
  double n_eff = kNone;
  std::int64_t documents = 0;
  std::int64_t permutations = 0;
  std::string verdict = "";
};

Json to_json(const Finding& f, const Json& seed) {
  return {{"id", f.id},
          {"statement", f.statement},
          {"statistic", f.statistic},
          {"value", f.value},
          {"ci", f.interval},
          {"p", f.p},
          {"n", f.n},
          {"n_eff", f.n_eff},
          {"documents", f.documents},
          {"permutations", f.permutations},
          {"seed", seed},
          {"verdict", f.verdict}};
}

Finding not_run(const char* id, const char* statement, const std::string& reason) {
  return {.id = id, .statement = statement, .verdict = "not run: " + reason};
}

// null is an undefined number.
double real(const Json& value) { return value.is_number() ? value.get<double>() : kNone; }

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double median(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, 0.5);
}

Finding aligned_hypothesis(const Json& results) {
  Finding f{.id = "H1",
            .statement =
                "In every layer studied some features align with the lens energy's descent on split B beyond "
                "document permutation and beyond the directions of other features.",
            .statistic = "features of B that pass both nulls (max-T 0.05), all layers; p is the largest over layers"};
  std::int64_t aligned = 0;
  bool underpowered = false, everywhere = true;
  std::vector<double> effective;
  for (const Json& layer : results.at("efas")) {
    const auto here = layer.at("passes_both_nulls_b").get<std::int64_t>();
    aligned += here;
    everywhere = everywhere && here > 0;
    f.n += layer.at("tested_b").get<std::int64_t>();
    f.documents = layer.at("documents_b").get<std::int64_t>();
    f.permutations = layer.at("permutations").get<std::int64_t>();
    const double p = real(layer.at("smallest_p_b"));
    f.p = std::max(std::isnan(f.p) ? 0.0 : f.p, std::isnan(p) ? 1.0 : p);
    underpowered = underpowered || layer.at("underpowered").get<bool>();
    for (const Json& feature : layer.at("features")) effective.push_back(real(feature.at("n_eff")));
  }
  f.value = static_cast<double>(aligned);
  f.n_eff = median(effective);
  f.verdict = underpowered ? "underpowered" : everywhere ? "supported" : "refuted";
  return f;
}

// The layer with the smallest R^2 at one dose; null when no edit was made.
Json worst_layer(const Json& results, double dose) {
  Json worst;
  for (const Json& point : results.at("interventions").at("dose_response")) {
    if (std::abs(real(point.at("dose")) - dose) > 1e-12) continue;
    if (worst.is_null() || real(point.at("r2")) < real(worst.at("r2"))) worst = point;
  }
  return worst;
}

Finding dose_hypothesis(const Json& results) {
  Finding f{.id = "H4",
            .statement =
                "The full-model gradient predicts edits of 10 % with R^2 of at least 0.95, and ablations with "
                "R^2 between 0.3 and 0.8, in every layer studied."};
  const Json small = worst_layer(results, -0.1), ablation = worst_layer(results, -1.0);
  if (small.is_null() || ablation.is_null()) {
    f.verdict = "not run: no feature was edited";
    return f;
  }
  bool holds = true;
  for (const Json& point : results.at("interventions").at("dose_response")) {
    const double dose = real(point.at("dose")), r2 = real(point.at("r2"));
    if (dose == -0.1) holds = holds && r2 >= 0.95;
    if (dose == -1.0) holds = holds && r2 >= 0.3 && r2 <= 0.8;
  }
  f.statistic = "smallest R^2 over layers at -10 %; at ablation the smallest is " + number(real(ablation.at("r2")), 3);
  f.value = real(small.at("r2"));
  f.interval = small.at("r2_ci");
  f.n = small.at("n").get<std::int64_t>();
  f.documents = small.at("documents").get<std::int64_t>();
  f.verdict = holds ? "supported" : "refuted";
  return f;
}

Finding attractor_hypothesis(const Json& results) {
  const Json& prediction = results.at("attractors").at("prediction");
  return {.id = "H6",
          .statement =
              "Whether greedy decoding settles early can be foretold from the prompt better with attractor "
              "features than without.",
          .statistic = "log-loss with minus without them on split B, nats a prompt",
          .value = real(prediction.at("difference")),
          .interval = prediction.at("difference_ci"),
          .n = prediction.at("heldout_prompts").get<std::int64_t>(),
          .documents = prediction.at("heldout_prompts").get<std::int64_t>(),
          .verdict = prediction.at("verdict").get<std::string>()};
}

Json erratum(const char* claim, const char* found, const std::string& here) {
  return {{"claim", claim}, {"found", found}, {"here", here}};
}

std::string counts_here(const Json& results) {
  std::string text;
  for (const Json& layer : results.at("efas")) {
    text += "layer " + std::to_string(layer.at("layer").get<int>()) + ": " +
            std::to_string(layer.at("significant_max_t").get<int>()) + " of " +
            std::to_string(layer.at("tested").get<int>()) + " tested features pass max-T, " +
            std::to_string(layer.at("passes_both_nulls").get<int>()) + " pass both nulls, " +
            std::to_string(layer.at("replication").at("holm_significant").get<int>()) + " confirmed on B; ";
  }
  return text.substr(0, text.size() - 2) + ".";
}

std::string dictionary_here(const Json& results) {
  std::string text = "Learned by K-SVD on split S; explained variance on documents it never saw: ";
  for (const Json& d : results.at("dictionaries")) {
    text += "layer " + std::to_string(d.at("layer").get<int>()) + " " + number(real(d.at("ev")), 3) + " (random " +
            number(real(d.at("random_ev")), 3) + "), ";
  }
  return text.substr(0, text.size() - 2) + ".";
}

std::string edits_here(const Json& results) {
  const Json& edits = results.at("interventions").at("edits");
  return std::to_string(edits.size()) +
         " edits run in the model, each with a random direction of equal size beside it; " +
         (results.at("interventions").at("identity_bitwise").get<bool>() ? "identity edits change no bit."
                                                                         : "IDENTITY EDITS CHANGED BITS.");
}

}  // namespace

Json hypotheses_section(const Json& results) {
  const Finding findings[] = {
      aligned_hypothesis(results),
      not_run("H2", "The alignment shrinks by at least 40 % under the tuned lens.", "only the logit lens is available"),
      not_run("H3", "Alignment with the full-model gradient is null on text sampled from the model.",
              "this study has no random-weights or self-sampled run"),
      dose_hypothesis(results),
      not_run("H5", "Fisher importance and mean |a s| beat alignment as rankings of importance.", "no deletion curves"),
      attractor_hypothesis(results),
      not_run("H7", "The alignment of matched features agrees between dictionary seeds.",
              "one dictionary seed a study"),
      not_run("H8", "The signs of H1 to H5 hold for larger models and another family.", "one model a study")};
  Json rows = Json::array();
  for (const Finding& finding : findings) rows.push_back(to_json(finding, results.at("run").at("seed")));
  return rows;
}

Json errata_section(const Json& results) {
  return Json::array(
      {erratum("5 significant alignments",
               "Its JSON says 0 of 5 (p = .24 .43 .44 .42 .77); the 5 were those with |r| > 0.1.",
               counts_here(results)),
       erratum("Measured on 69 vectors", "Only the first sentence was scored: 12 tokens, the last energy copied.",
               std::to_string(results.at("corpus").at("documents").get<std::int64_t>()) + " documents, " +
                   std::to_string(results.at("corpus").at("tokens").get<std::int64_t>()) +
                   " tokens; a token without a next token has no energy."),
       erratum("Logit lens",
               "The final norm was left out and probabilities were clamped at 1e-10: 65 % of the energies sit "
               "on the clamp.",
               "Final norm at every layer, no clamp; the last layer's energy equals the model's loss to " +
                   number(real(results.at("lens").at("last_layer_max_difference")), 7) + " nats."),
       erratum("A dictionary learned with OMP", "The dictionary was random and never updated.",
               dictionary_here(results)),
       erratum("100 permutations", "Tokens were shuffled as if independent, p could be 0, and nothing was seeded.",
               "Whole documents change places, p = (b + 1) / (P + 1), every draw is a function of the seed."),
       erratum("Interventions and attractor shifts", "Both were formulas of |r|, not measurements.",
               edits_here(results))});
}

Json warnings_section(const Json& results) {
  Json warnings = Json::array();
  for (const Json& d : results.at("dictionaries")) {
    if (!d.at("few_samples").get<bool>()) continue;
    warnings.push_back("Layer " + std::to_string(d.at("layer").get<int>()) + ": the dictionary saw " +
                       std::to_string(d.at("train_rows").get<std::int64_t>()) + " tokens for " +
                       std::to_string(d.at("atoms").get<std::int64_t>()) + " atoms, fewer than 50 an atom.");
  }
  for (const Json& text : results.at("texts")) {
    const auto cut = text.at("cut_tokens").get<std::int64_t>();
    if (cut == 0) continue;
    warnings.push_back("A text is longer than the model's context: its last " + std::to_string(cut) +
                       " tokens are left out (" +
                       std::string(utf8_prefix(text.at("text").get_ref<const std::string&>(), 40)) + "...).");
  }
  for (const Json& layer : results.at("efas")) {
    if (!layer.at("underpowered").get<bool>()) continue;
    warnings.push_back("Layer " + std::to_string(layer.at("layer").get<int>()) +
                       ": underpowered (a claim needs 100 documents and 20,000 tokens in each split).");
  }
  return warnings;
}

}  // namespace energy_lens
