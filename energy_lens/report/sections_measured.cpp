// The sections about energies and dictionaries.
#include <algorithm>
#include <cmath>

#include "energy_lens/report/format.h"
#include "energy_lens/report/plot.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

constexpr std::size_t kMostTexts = 20;

std::vector<double> reals(const Json& values) {
  std::vector<double> result;
  for (const Json& value : values) result.push_back(real(value));
  return result;
}

TokenStrip strip_of(const Json& text) {
  TokenStrip strip;
  strip.text = text.at("text").get<std::string>();
  for (const Json& token : text.at("tokens")) strip.tokens.push_back(visible_token(token.get<std::string>()));
  for (const Json& row : text.at("energy")) strip.energy.push_back(reals(row));
  strip.high = 1e-9;
  for (const double value : strip.energy.back()) strip.high = std::max(strip.high, std::isfinite(value) ? value : 0.0);
  return strip;
}

Picture heat_map_of(const TokenStrip& strip) {
  std::vector<std::string> layers, columns(strip.tokens.begin() + 1, strip.tokens.end());
  for (std::size_t layer = 0; layer < strip.energy.size(); ++layer) layers.push_back(std::to_string(layer));
  return {heat_map("Energy by layer and token of: " + strip.text, strip.energy, layers, columns, strip.high),
          "Energy of each token when it came, by layer (rows, the last layer on top); hover for nats. Colours run from "
          "0 to " +
              show(strip.high, 3) + " nats, the last layer's largest, and stay there above it."};
}

}  // namespace

Section texts_section(const Json& results) {
  Section section{"texts", "The texts, token by token", {}};
  section.blocks.push_back(Paragraph{
      "Each token is coloured by the energy E = -log p(token | what came before) it had when it came, in nats: pale is "
      "expected, strong is surprising. The slider chooses the layer whose stream is read through the final norm and "
      "unembedding (the logit lens). A text's first token, a BOS where the model has one, has no energy; the means are "
      "over all others."});
  section.blocks.push_back(table_of(results.at("texts"), {{"text", "text"},
                                                          {"tokens scored", "scored_tokens"},
                                                          {"NLL (nats a token)", "nll"},
                                                          {"perplexity", "perplexity"},
                                                          {"confidence", "mean_confidence", 3},
                                                          {"entropy (nats)", "mean_entropy", 3},
                                                          {"ECE", "ece", 3}}));
  const Json& texts = results.at("texts");
  for (std::size_t i = 0; i < std::min(texts.size(), kMostTexts); ++i) {
    const TokenStrip strip = strip_of(texts[i]);
    section.blocks.push_back(strip);
    section.blocks.push_back(heat_map_of(strip));
  }
  if (texts.size() > kMostTexts) {
    section.blocks.push_back(Paragraph{"The other " + show_count(static_cast<std::int64_t>(texts.size() - kMostTexts)) +
                                       " texts are in results.json."});
  }
  return section;
}

Section profile_section(const Json& results) {
  const Json& lens = results.at("lens");
  const std::vector<double> layers = reals(lens.at("layers")), energy = reals(lens.at("energy_mean"));
  std::vector<double> low, high;
  for (const Json& pair : lens.at("energy_ci")) {
    low.push_back(real(pair[0]));
    high.push_back(real(pair[1]));
  }
  std::vector<double> values = high;
  values.push_back(0.0);
  Plot plot("Mean energy by layer", "layer (0 is the embedding, the last is the model's output)", "nats a token",
            {-0.3, layers.back() + 0.3}, range_of(values));
  plot.band(layers, low, high);
  plot.line(layers, energy, "main");
  plot.line(layers, reals(lens.at("entropy_mean")), "second");
  plot.line({layers.front(), layers.back()}, {real(lens.at("uniform_energy")), real(lens.at("uniform_energy"))},
            "diagonal");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    plot.dot(layers[i], energy[i], "main",
             "layer " + show(layers[i]) + ": " + show(energy[i]) + " nats [" + show(low[i], 3) + ", " +
                 show(high[i], 3) + "]");
  }
  plot.line_legend({{"main", "energy, with 95 % interval over documents"},
                    {"second", "entropy"},
                    {"diagonal", "uniform guess: log of the vocabulary"}});
  Section section{"profile", "Energy by layer", {}};
  section.blocks.push_back(Picture{
      plot.svg(),
      "Mean lens energy and entropy over the documents of splits A and B. Early layers read through the final norm and "
      "unembedding can be worse than a uniform guess: the logit lens is biased there."});
  section.blocks.push_back(Paragraph{"Checked while running: the last layer's energy equals the model's own loss to " +
                                     show(lens.at("last_layer_max_difference"), 2) +
                                     " nats at every token. Calibration of the model's first choice: ECE " +
                                     show(lens.at("calibration").at("ece"), 3) + ", Brier score " +
                                     show(lens.at("calibration").at("brier"), 3) + "."});
  Table table{{{"layer", true}, {"energy", true}, {"95 % interval", true}, {"entropy", true}, {"KL to final", true}},
              {},
              "Energy, entropy and KL to the final prediction by layer, nats a token"};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    table.rows.push_back({show(layers[i]), show(energy[i]), show_interval(lens.at("energy_ci")[i]),
                          show(lens.at("entropy_mean")[i]), show(lens.at("kl_mean")[i])});
  }
  section.blocks.push_back(std::move(table));
  return section;
}

Section dictionaries_section(const Json& results) {
  Section section{"dictionaries", "Sparse dictionaries", {}};
  section.blocks.push_back(Paragraph{
      "One dictionary a layer, learned on split S and coded by orthogonal matching pursuit; codes are signed, so "
      "a feature may push either way. Explained variance is of documents the dictionary never saw; the "
      "random dictionary has as many atoms and the same coder."});
  section.blocks.push_back(table_of(results.at("dictionaries"), {{"layer", "layer"},
                                                                 {"kind", "kind"},
                                                                 {"atoms", "atoms"},
                                                                 {"active", "active"},
                                                                 {"train tokens", "train_rows"},
                                                                 {"held-out tokens", "heldout_rows"},
                                                                 {"held-out EV", "ev"},
                                                                 {"random EV", "random_ev"},
                                                                 {"EV per token", "ev_token"},
                                                                 {"NMSE", "nmse"},
                                                                 {"L0", "l0"},
                                                                 {"dead", "dead_fraction"}}));
  return section;
}

}  // namespace energy_lens::report
