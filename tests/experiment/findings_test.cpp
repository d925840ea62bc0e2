#include "energy_lens/experiment/findings.h"

#include <gtest/gtest.h>

namespace energy_lens {
namespace {

Json layer(int index, int permutations, int discovered, int alone, bool underpowered) {
  return {{"layer", index}, {"permutations", permutations}, {"replication", {{"n", discovered}}}, {"alone_a", alone},
          {"alone_b", 0},   {"underpowered", underpowered}};
}

Json dictionary(int index, bool few) {
  return {{"layer", index}, {"few_samples", few}, {"train_rows", 900}, {"atoms", 100}};
}

Json warnings(Json layers, Json dictionaries = Json::array(), Json texts = Json::array()) {
  return warnings_section(
      {{"efas", std::move(layers)}, {"dictionaries", std::move(dictionaries)}, {"texts", std::move(texts)}});
}

TEST(Warnings, AreNotGivenWhereNothingIsWrong) {
  EXPECT_TRUE(warnings({layer(6, 9999, 400, 0, false)}, {dictionary(6, false)}).empty());
}

TEST(Warnings, SayOnceWhatHoldsOfSeveralLayers) {
  const Json said = warnings({layer(6, 9999, 0, 18, false), layer(8, 9999, 0, 18, false), layer(10, 9999, 0, 18, false),
                              layer(12, 9999, 0, 2, false)});
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].get<std::string>().rfind("Layers 6, 8 and 10: 18 documents", 0), 0u) << said[0];
  EXPECT_EQ(said[1].get<std::string>().rfind("Layer 12: 2 documents", 0), 0u) << said[1];
}

TEST(Warnings, NameEveryReasonToDoubtALayer) {
  const Json said = warnings({layer(6, 99, 20, 1, true)}, {dictionary(6, true)});
  ASSERT_EQ(said.size(), 5u);
  const char* const expected[] = {"99 permutations", "20 discoveries", "stand alone", "underpowered", "900 tokens"};
  for (std::size_t i = 0; i < said.size(); ++i) {
    EXPECT_NE(said[i].get<std::string>().find(expected[i]), std::string::npos) << said[i];
  }
}

TEST(Warnings, QuoteTheStartOfATextThatWasCut) {
  const Json said = warnings(Json::array(), Json::array(), {{{"text", "long"}, {"cut_tokens", 7}}});
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].get<std::string>().find("last 7 tokens are left out (long...)"), std::string::npos) << said[0];
}

}  // namespace
}  // namespace energy_lens
