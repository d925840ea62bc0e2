// The section about edits of the running model.
#include <algorithm>
#include <cmath>

#include "energy_lens/report/format.h"
#include "energy_lens/report/plot.h"
#include "energy_lens/report/sections.h"

namespace energy_lens::report {
namespace {

constexpr std::size_t kFirstEdits = 10;

const std::vector<Field> kAblationFields = {{"layer", "layer"},
                                            {"feature", "feature"},
                                            {"documents", "documents"},
                                            {"importance Q (nats a token)", "importance", 3},
                                            {"predicted (nats a document)", "predicted", 3},
                                            {"measured (nats a document)", "measured", 3},
                                            {"95 % interval", "measured_ci"},
                                            {"random direction", "control_measured", 3},
                                            {"KL (nats a token)", "kl", 3},
                                            {"95 % interval beyond random direction", "kl_contrast_ci"}};

const std::vector<Field> kEditFields = {{"layer", "layer"},
                                        {"feature", "feature"},
                                        {"edit", "kind"},
                                        {"amount", "amount", 3},
                                        {"documents", "documents"},
                                        {"importance Q (nats a token)", "importance", 3},
                                        {"predicted (nats a document)", "predicted", 3},
                                        {"to 2nd order", "predicted_second_order", 3},
                                        {"lens predicts", "predicted_lens", 3},
                                        {"measured (nats a document)", "measured", 3},
                                        {"95 % interval", "measured_ci"},
                                        {"at edited tokens", "measured_own", 3},
                                        {"random direction", "control_measured", 3},
                                        {"95 % interval beyond it", "contrast_ci"},
                                        {"KL (nats a token)", "kl", 3},
                                        {"KL of random direction", "control_kl", 3},
                                        {"95 % interval of KL beyond it", "kl_contrast_ci"},
                                        {"share of top-1 changed", "top1_changed", 3}};

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

Section interventions_section(const Json& results) {
  const Json& interventions = results.at("interventions");
  Section section{"interventions", "Real edits beside what gradients predicted", {}};
  section.blocks.push_back(Paragraph{
      std::string(
          "Features chosen on split A are edited in the running model on documents of split B: the stream moves "
          "along the feature's direction and keeps what the dictionary did not explain. Changes are of a document's "
          "total loss, in nats: above 0 the edit made the text harder to predict. The control moves the same tokens "
          "equally far along a random direction. Importance Q is what ablation costs in KL to second order, nats a "
          "token, from gradients of labels drawn from the model (Fisher information): it ranks features without an "
          "edit. Predictions to second order add that information along the whole edit; it grows without bound, so "
          "they overstate edits that are large. ") +
      identity_sentence(interventions.at("identity_bitwise"))});
  section.blocks.push_back(scatter(interventions.at("edits")));
  section.blocks.push_back(Paragraph{"The ablations that move the model's predictions most:"});
  section.blocks.push_back(table_of(strongest_ablations(interventions.at("edits")), kAblationFields, kFirstEdits));
  section.blocks.push_back(table_of(interventions.at("edits"), kEditFields, SIZE_MAX, "Every edit"));
  section.blocks.push_back(
      Paragraph{"Dose response: a feature's activation is multiplied by 1 + dose. The first-order prediction must be "
                "right for small "
                "doses; how fast it fails says how curved the loss is."});
  section.blocks.push_back(table_of(interventions.at("dose_response"),
                                    {{"layer", "layer"},
                                     {"dose", "dose"},
                                     {"slope", "slope", 3},
                                     {"intercept (nats)", "intercept", 3},
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
                                                                     {"share missed", "missed", 4},
                                                                     {"documents", "documents"},
                                                                     {"n", "n"}}));
  return section;
}

}  // namespace energy_lens::report
