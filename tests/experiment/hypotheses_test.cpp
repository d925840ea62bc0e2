#include "energy_lens/experiment/hypotheses.h"

#include <gtest/gtest.h>

namespace energy_lens {
namespace {

Json layer(int index, int tested, int aligned, bool underpowered) {
  return {{"layer", index},
          {"passes_both_nulls_b", aligned},
          {"tested_b", tested},
          {"documents_b", 200},
          {"permutations", 9999},
          {"smallest_p_b", tested > 0 ? Json(0.001) : Json()},
          {"underpowered", underpowered},
          {"features", Json::array({{{"n_eff", 500.0}}})}};
}

Json point(double dose, Json r2, int documents) {
  return {{"layer", 4},          {"dose", dose}, {"r2", std::move(r2)},
          {"r2_ci", {0.5, 0.9}}, {"n", 80},      {"documents", documents}};
}

Json results(Json layers, Json doses) {
  return {
      {"run", {{"seed", 3}}},
      {"model", {{"n_layers", 12}}},
      {"efas", std::move(layers)},
      {"interventions", {{"dose_response", std::move(doses)}}},
      {"attractors",
       {{"prediction",
         {{"difference", -0.1}, {"difference_ci", {-0.2, 0.1}}, {"heldout_prompts", 120}, {"verdict", "refuted"}}}}}};
}

std::string verdict(const Json& results, const std::string& id) {
  for (const Json& row : hypotheses_section(results)) {
    if (row.at("id") == id) return row.at("verdict");
  }
  return "missing";
}

const Json kDoses = {point(-0.1, 0.97, 24), point(0.1, 0.96, 24), point(-1.0, 0.6, 24)};

TEST(Hypotheses, AlignmentMustHoldInEveryLayerBelowTheLast) {
  const Json good = layer(4, 300, 80, false), none = layer(8, 300, 0, false), weak = layer(8, 300, 10, true);
  EXPECT_EQ(verdict(results({good}, kDoses), "H1"), "supported");
  EXPECT_EQ(verdict(results({good, none}, kDoses), "H1"), "refuted");
  EXPECT_EQ(verdict(results({good, weak}, kDoses), "H1"), "underpowered");
  EXPECT_EQ(verdict(results({good, layer(8, 0, 0, false)}, kDoses), "H1"), "underpowered");
  EXPECT_EQ(verdict(results({good, layer(12, 0, 0, false)}, kDoses), "H1"), "supported");
  EXPECT_EQ(verdict(results({layer(12, 0, 0, false)}, kDoses), "H1"), "not run: no layer below the last was studied");
}

TEST(Hypotheses, DosesOfEitherSignCountAndUndefinedOnesRefuteNothing) {
  const auto with = [](const Json& last) {
    Json doses = kDoses;
    doses.push_back(last);
    return results({layer(4, 300, 80, false)}, doses);
  };
  EXPECT_EQ(verdict(results({}, kDoses), "H4"), "supported");
  EXPECT_EQ(verdict(with(point(0.1, 0.9, 24)), "H4"), "refuted");
  EXPECT_EQ(verdict(with(point(-0.1, 0.9, 24)), "H4"), "refuted");
  EXPECT_EQ(verdict(with(point(-1.0, 0.9, 24)), "H4"), "refuted");
  EXPECT_EQ(verdict(with(point(0.5, 0.1, 24)), "H4"), "supported");
  EXPECT_EQ(verdict(with(point(-0.1, Json(), 24)), "H4"), "underpowered");
  EXPECT_EQ(verdict(with(point(-0.1, 0.9, 19)), "H4"), "underpowered");
  EXPECT_EQ(verdict(results({}, Json::array()), "H4"), "not run: no feature was edited");
}

TEST(Hypotheses, TheSmallestValueIsShownWithItsInterval) {
  const Json rows = hypotheses_section(results({layer(4, 300, 80, false)}, kDoses));
  EXPECT_EQ(rows[3].at("id"), "H4");
  EXPECT_EQ(rows[3].at("value"), 0.96);
  EXPECT_EQ(rows[3].at("documents"), 24);
}

}  // namespace
}  // namespace energy_lens
