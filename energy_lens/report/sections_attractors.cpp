// The section about cycles of greedy decoding.
#include "energy_lens/report/format.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

constexpr std::size_t kMostBasins = 10;

}  // namespace

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
  section.blocks.push_back(table_of(attractors.at("periods"), {{"period (tokens)", "period"}, {"prompts", "count"}},
                                    SIZE_MAX, "Cycles by period"));
  Table basins{{{"cycle", false}, {"prompts", true}}, {}};
  for (const Json& basin : attractors.at("basins")) {
    if (basins.rows.size() == kMostBasins) break;
    basins.rows.push_back({visible_token(basin.at("label").get<std::string>()), show(basin.at("size"))});
  }
  section.blocks.push_back(std::move(basins));
  section.blocks.push_back(
      Paragraph{"Predicted from the prompt alone, fitted on split A and scored on split B: does the prompt settle "
                "sooner than the training median? Log-loss difference of [baselines + attractor] minus [baselines]: " +
                show(prediction.at("difference"), 3) + " " + show_interval(prediction.at("difference_ci")) +
                " nats on " + show(prediction.at("heldout_prompts")) +
                " prompts (negative: the attractor helps). Verdict: " + show(prediction.at("verdict")) + "."});
  section.blocks.push_back(table_of(prediction.at("models"), {{"predictor", "name"},
                                                              {"AUC", "auc", 3},
                                                              {"log-loss (nats a prompt)", "log_loss", 3},
                                                              {"Brier", "brier", 3},
                                                              {"ECE", "ece", 3}}));
  return section;
}

}  // namespace energy_lens::report
