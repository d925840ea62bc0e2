#include "energy_lens/experiment/findings.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

namespace energy_lens {
namespace {

const double kNone = std::nan("");

Json row(const char* id, const char* statement, const std::string& statistic, double value, Json interval, double p,
         std::int64_t n, const std::string& verdict) {
  return {{"id", id},       {"statement", statement},    {"statistic", statistic},
          {"value", value}, {"ci", std::move(interval)}, {"p", p},
          {"n", n},         {"verdict", verdict}};
}

Json not_run(const char* id, const char* statement, const std::string& reason) {
  return row(id, statement, "", kNone, {kNone, kNone}, kNone, 0, "not run: " + reason);
}

// null is an undefined number.
double real(const Json& value) { return value.is_number() ? value.get<double>() : kNone; }

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Json aligned_hypothesis(const Json& results) {
  std::int64_t aligned = 0, layers_with = 0, tested = 0;
  bool underpowered = false;
  for (const Json& layer : results.at("efas")) {
    const auto here = layer.at("passes_both_nulls_b").get<std::int64_t>();
    aligned += here;
    layers_with += here > 0;
    tested += layer.at("tested").get<std::int64_t>();
    underpowered = underpowered || layer.at("underpowered").get<bool>();
  }
  const bool everywhere = layers_with == static_cast<std::int64_t>(results.at("efas").size());
  const std::string verdict = underpowered ? "underpowered" : everywhere ? "supported" : "refuted";
  return row("H1",
             "In every layer studied some features align with the lens energy's descent on split B beyond document "
             "permutation and beyond the directions of other features.",
             "features that pass both nulls on B (max-T 0.05), all layers", static_cast<double>(aligned),
             {kNone, kNone}, kNone, tested, verdict);
}

// The smallest R^2 over layers at one dose.
double worst_r2(const Json& results, double dose, std::int64_t& n) {
  double worst = kNone;
  for (const Json& point : results.at("interventions").at("dose_response")) {
    if (std::abs(real(point.at("dose")) - dose) > 1e-12) continue;
    const double r2 = real(point.at("r2"));
    n += point.at("n").get<std::int64_t>();
    if (!(worst <= r2)) worst = r2;
  }
  return worst;
}

Json dose_hypothesis(const Json& results) {
  std::int64_t small_n = 0, ablation_n = 0;
  const double small = worst_r2(results, -0.1, small_n), ablation = worst_r2(results, -1.0, ablation_n);
  const bool holds = small >= 0.95 && ablation >= 0.3 && ablation <= 0.8;
  const std::string verdict = std::isnan(small) ? "not run: no feature was edited" : holds ? "supported" : "refuted";
  return row("H4",
             "The full-model gradient predicts edits of 10 % with R^2 of at least 0.95, and ablations with R^2 between "
             "0.3 and 0.8, in every layer studied.",
             "smallest R^2 over layers at -10 %; at ablation: " + number(ablation, 3), small, {kNone, kNone}, kNone,
             small_n, verdict);
}

Json attractor_hypothesis(const Json& results) {
  const Json& prediction = results.at("attractors").at("prediction");
  return row(
      "H6",
      "Whether greedy decoding settles early can be foretold from the prompt better with attractor features than "
      "without.",
      "log-loss difference on split B, nats a prompt", real(prediction.at("difference")),
      prediction.at("difference_ci"), kNone, results.at("attractors").at("prompts").get<std::int64_t>(),
      prediction.at("verdict").get<std::string>());
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
  const char* random_weights = "this study has no random-weights or self-sampled run";
  return Json::array(
      {aligned_hypothesis(results),
       not_run("H2", "The alignment shrinks by at least 40 % under the tuned lens.",
               "only the logit lens is available"),
       not_run("H3", "Alignment with the full-model gradient is null on text sampled from the model.", random_weights),
       dose_hypothesis(results),
       not_run("H5", "Fisher importance and mean |a s| beat alignment as rankings of importance.",
               "no deletion curves"),
       attractor_hypothesis(results),
       not_run("H7", "The alignment of matched features agrees between dictionary seeds.",
               "one dictionary seed a study"),
       not_run("H8", "The signs of H1 to H5 hold for larger models and another family.", "one model a study")});
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
  for (const Json& layer : results.at("efas")) {
    if (!layer.at("underpowered").get<bool>()) continue;
    warnings.push_back("Layer " + std::to_string(layer.at("layer").get<int>()) +
                       ": underpowered (a claim needs 100 documents and 20,000 tokens in each split).");
  }
  return warnings;
}

}  // namespace energy_lens
