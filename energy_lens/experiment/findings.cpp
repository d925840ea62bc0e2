#include "energy_lens/experiment/findings.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Json erratum(const char* claim, const char* found, const std::string& here) {
  return {{"claim", claim}, {"found", found}, {"here", here}};
}

std::string counts_here(const Json& results) {
  std::string text;
  for (const Json& layer : results.at("efas")) {
    text += "layer " + std::to_string(layer.at("layer").get<int>()) + ": " +
            std::to_string(layer.at("significant_max_t").get<int>()) + " of " +
            std::to_string(layer.at("tested").get<int>()) + " tested features pass max-T, ";
    if (layer.at("underpowered").get<bool>()) {
      text += "underpowered: no claim; ";
      continue;
    }
    text += std::to_string(layer.at("passes_both_nulls").get<int>()) + " pass both nulls, " +
            std::to_string(layer.at("replication").at("holm_significant").get<int>()) + " confirmed on B; ";
  }
  return text.substr(0, text.size() - 2) + ".";
}

std::string dictionary_here(const Json& results) {
  std::string text = "Learned on split S; explained variance on documents it never saw: ";
  for (const Json& d : results.at("dictionaries")) {
    text += "layer " + std::to_string(d.at("layer").get<int>()) + " " + number(real(d.at("ev")), 3) + " (random " +
            number(real(d.at("random_ev")), 3) + "), ";
  }
  return text.substr(0, text.size() - 2) + ".";
}

std::string edits_here(const Json& results) {
  const Json& interventions = results.at("interventions");
  const Json& bitwise = interventions.at("identity_bitwise");
  return std::to_string(interventions.at("edits").size()) +
         " edits run in the model, each with a random direction of equal size beside it; " +
         (bitwise.is_null()     ? "no identity edit was run."
          : bitwise.get<bool>() ? "identity edits change no bit."
                                : "IDENTITY EDITS CHANGED BITS.");
}

// Warnings about layers, each said once for all the layers it holds of, in the order they came.
class LayerWarnings {
 public:
  void add(const Json& layer, const std::string& text) {
    const std::string name = std::to_string(layer.at("layer").get<int>());
    for (auto& [known, layers] : found_) {
      if (known == text) return layers.push_back(name);
    }
    found_.push_back({text, {name}});
  }

  void append_to(Json& warnings) const {
    for (const auto& [text, layers] : found_) {
      std::string names = layers.front();
      for (std::size_t i = 1; i < layers.size(); ++i) names += (i + 1 < layers.size() ? ", " : " and ") + layers[i];
      warnings.push_back((layers.size() == 1 ? "Layer " : "Layers ") + names + ": " + text);
    }
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> found_;
};

// Nothing can be confirmed where the smallest p that Holm can give is above the level.
void add_permutation_warnings(const Json& layer, LayerWarnings& warnings) {
  const EfasOptions wanted;
  const auto permutations = layer.at("permutations").get<std::int64_t>();
  const auto discovered = layer.at("replication").at("n").get<std::int64_t>();
  if (permutations < wanted.permutations) {
    warnings.add(layer, std::to_string(permutations) + " permutations; a claim needs at least " +
                            std::to_string(wanted.permutations) + ".");
  }
  const double floor = static_cast<double>(discovered) / static_cast<double>(permutations + 1);
  if (floor > wanted.level) {
    warnings.add(layer, std::to_string(discovered) + " discoveries over " + std::to_string(permutations) +
                            " permutations: Holm's smallest p on B is " + number(floor, 3) +
                            ", so none can be confirmed; more --permutations would.");
  }
}

void add_document_warnings(const Json& layer, LayerWarnings& warnings) {
  const auto alone = layer.at("alone_a").get<std::int64_t>() + layer.at("alone_b").get<std::int64_t>();
  if (alone > 0) {
    warnings.add(layer,
                 std::to_string(alone) +
                     " documents stand alone in their stratum, have none to change places with and do not count.");
  }
  if (layer.at("underpowered").get<bool>()) {
    warnings.add(layer, "underpowered (a claim needs " + std::to_string(EfasOptions{}.min_documents) +
                            " documents and " + std::to_string(EfasOptions{}.min_tokens) + " tokens in each split).");
  }
}

void add_dictionary_warnings(const Json& dictionary, LayerWarnings& warnings) {
  if (!dictionary.at("few_samples").get<bool>()) return;
  warnings.add(dictionary, "the dictionary saw " + std::to_string(dictionary.at("train_rows").get<std::int64_t>()) +
                               " tokens for " + std::to_string(dictionary.at("atoms").get<std::int64_t>()) +
                               " atoms, too few to hold on other tokens.");
}

}  // namespace

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
  LayerWarnings of_layers;
  for (const Json& layer : results.at("efas")) add_permutation_warnings(layer, of_layers);
  for (const Json& layer : results.at("efas")) add_document_warnings(layer, of_layers);
  for (const Json& dictionary : results.at("dictionaries")) add_dictionary_warnings(dictionary, of_layers);
  Json warnings = Json::array();
  of_layers.append_to(warnings);
  for (const Json& text : results.at("texts")) {
    const auto cut = text.at("cut_tokens").get<std::int64_t>();
    if (cut == 0) continue;
    warnings.push_back("A text is longer than the model's context: its last " + std::to_string(cut) +
                       " tokens are left out (" + utf8_prefix(text.at("text").get_ref<const std::string&>(), 40) +
                       "...).");
  }
  return warnings;
}

}  // namespace energy_lens
