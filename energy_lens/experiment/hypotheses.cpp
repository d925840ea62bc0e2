#include "energy_lens/experiment/hypotheses.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/stats/bootstrap.h"

namespace energy_lens {
namespace {

const double kNone = std::nan("");

// A claim about edits needs as many documents as one about a feature.
const std::int64_t kFewestEdited = EfasOptions{}.min_active_documents;

// One pre-registered statement and what this run says about it. What does not apply stays undefined.
struct Finding {
  const char* id = "";
  std::string statement = "";
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

Finding not_run(const char* id, const std::string& statement, const std::string& reason) {
  return {.id = id, .statement = statement, .verdict = "not run: " + reason};
}

double median(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, 0.5);
}

// The last layer's gradient of KL(p^L || p^L) is 0 for every feature: it can say nothing.
bool says_nothing(const Json& results, const Json& layer) {
  return layer.at("layer") == results.at("model").at("n_layers");
}

Finding aligned_hypothesis(const Json& results) {
  Finding f{.id = "H1",
            .statement =
                "In every layer studied below the last some features align with the lens energy's descent on split B "
                "beyond document permutation and beyond the directions of other features.",
            .statistic = "features of B that pass both nulls (max-T 0.05), all layers; p is the largest over layers"};
  std::int64_t aligned = 0, layers = 0;
  bool underpowered = false, everywhere = true;
  double largest_p = 0.0;
  std::vector<double> effective;
  for (const Json& layer : results.at("efas")) {
    if (says_nothing(results, layer)) continue;
    ++layers;
    const auto here = layer.at("passes_both_nulls_b").get<std::int64_t>();
    const auto tested = layer.at("tested_b").get<std::int64_t>();
    aligned += here;
    everywhere = everywhere && here > 0;
    f.n += tested;
    f.documents = layer.at("documents_b").get<std::int64_t>();
    f.permutations = layer.at("permutations").get<std::int64_t>();
    const double p = real(layer.at("smallest_p_b"));  // NaN where nothing was tested: then the largest is unknown
    if (std::isnan(p) || p > largest_p) largest_p = p;
    underpowered = underpowered || tested == 0 || layer.at("underpowered").get<bool>();
    for (const Json& feature : layer.at("features")) effective.push_back(real(feature.at("n_eff")));
  }
  // Of a split that allows no claim nothing is counted, which is not the same as none.
  f.value = underpowered ? kNone : static_cast<double>(aligned);
  f.p = underpowered ? kNone : largest_p;
  f.n_eff = median(effective);
  if (layers == 0) return not_run("H1", f.statement, "no layer below the last was studied");
  f.verdict = underpowered ? "underpowered" : everywhere ? "supported" : "refuted";
  return f;
}

// Bounds that R^2 of a dose must keep in every layer.
struct DoseClaim {
  double dose, least, most;
};
constexpr DoseClaim kDoseClaims[] = {{-0.1, 0.95, 1.0}, {0.1, 0.95, 1.0}, {-1.0, 0.3, 0.8}};

Finding dose_hypothesis(const Json& results) {
  Finding f{.id = "H4",
            .statement =
                "The full-model gradient predicts edits of 10 % with R\u00B2 of at least 0.95, and ablations with "
                "R\u00B2 between 0.3 and 0.8, in every layer studied.",
            .statistic = "smallest R\u00B2 over layers and signs at 10 %"};
  bool holds = true, enough = true, any = false;
  for (const Json& point : results.at("interventions").at("dose_response")) {
    for (const DoseClaim& claim : kDoseClaims) {
      if (real(point.at("dose")) != claim.dose) continue;
      const double r2 = real(point.at("r2"));
      any = true;
      enough = enough && !std::isnan(r2) && point.at("documents").get<std::int64_t>() >= kFewestEdited;
      holds = holds && r2 >= claim.least && r2 <= claim.most;
      if (claim.dose == -1.0 || f.value <= r2) continue;
      f.value = r2;
      f.interval = point.at("r2_ci");
      f.n = point.at("n").get<std::int64_t>();
      f.documents = point.at("documents").get<std::int64_t>();
    }
  }
  if (!any) return not_run("H4", f.statement, "no feature was edited");
  f.verdict = !enough ? "underpowered" : holds ? "supported" : "refuted";
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

}  // namespace energy_lens
