// What config.json is taken to mean: spellings of two versions of transformers, nulls, and what is refused.
#include "energy_lens/model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <tuple>

#include "energy_lens/core/error.h"
#include "tests/support/family_configs.h"

namespace energy_lens {
namespace {

using ::testing::AllOf;
using testing::family_configs;
using ::testing::HasSubstr;

class ConfigFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ModelConfig read(const Json& json) const {
    write_file(folder_ / "config.json", json.dump());
    return read_model_config(folder_);
  }
  ModelConfig read(const std::string& family, const Json& changes) const { return read(changed(family, changes)); }
  static Json changed(const std::string& family, const Json& changes) {
    Json config = family_configs().at(family);
    (family == "gemma3" ? config["text_config"] : config).update(changes);
    return config;
  }
  std::string refusal(const std::string& family, const Json& changes) const {
    try {
      read(family, changes);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      return error.what();
    }
    return "accepted";
  }
  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("el_config_" + std::to_string(::getpid()));
};

void expect_same_rotaries(const ModelConfig& a, const ModelConfig& b, const std::string& what) {
  ASSERT_EQ(a.rotaries.size(), b.rotaries.size()) << what;
  EXPECT_EQ(a.n_ctx, b.n_ctx) << what;
  for (std::size_t i = 0; i < a.rotaries.size(); ++i) {
    EXPECT_EQ(a.rotaries[i].inverse_frequencies, b.rotaries[i].inverse_frequencies) << what << ", rotary " << i;
    EXPECT_EQ(a.rotaries[i].attention_factor, b.rotaries[i].attention_factor) << what << ", rotary " << i;
  }
}

const Json kYarn = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 20}};

TEST_F(ConfigFile, RopeParametersAreTheOlderKeysTogether) {
  for (const std::string family : {"llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gemma",
                                   "gemma2", "phi", "gpt_neox", "olmo2"}) {
    Json old = changed(family, {{"rope_scaling", kYarn}, {"rope_theta", 5e5}});
    Json fresh = old;
    fresh.erase("rope_scaling");
    fresh.erase("rope_theta");
    fresh["rope_parameters"] = kYarn;
    fresh["rope_parameters"]["rope_theta"] = 5e5;
    for (const char* const share : {"partial_rotary_factor", "rotary_pct"}) {
      if (!fresh.contains(share)) continue;
      fresh["rope_parameters"]["partial_rotary_factor"] = fresh.at(share);
      fresh.erase(share);
    }
    expect_same_rotaries(read(fresh), read(old), family);
    old.update(fresh);
    expect_same_rotaries(read(old), read(fresh), family + " with both, which agree");
  }
}

TEST_F(ConfigFile, RopeParametersOfTypeDefaultScaleNothing) {
  const Json plain = {{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 3e4}}}};
  expect_same_rotaries(read("olmo2", plain), read("olmo2", {{"rope_theta", 3e4}}), "default");
  expect_same_rotaries(read("olmo2", {{"rope_parameters", nullptr}}), read("olmo2", {{"rope_theta", 1e4}}), "null");
}

TEST_F(ConfigFile, RopeParametersOfGemma3HoldBothBases) {
  const Json by_kind = {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 5e4}}},
                        {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 300.0}}}};
  const Json old = {{"rope_theta", 5e4},
                    {"rope_local_base_freq", 300.0},
                    {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}}}};
  for (const std::string family : {"gemma3_text", "gemma3"}) {
    expect_same_rotaries(read(family, {{"rope_parameters", by_kind}}), read(family, old), family);
    for (const char* const missing : {"full_attention", "sliding_attention"}) {
      Json half = by_kind;
      half.erase(missing);
      EXPECT_THAT(refusal(family, {{"rope_parameters", half}}), HasSubstr(missing));
    }
    Json scaled = by_kind;
    scaled["sliding_attention"].update({{"rope_type", "linear"}, {"factor", 8.0}});
    EXPECT_THAT(refusal(family, {{"rope_parameters", scaled}}), HasSubstr("sliding_attention"));
    EXPECT_THAT(refusal(family, {{"rope_parameters", {{"rope_theta", 1e6}}}}), HasSubstr("full_attention"));
  }
  EXPECT_THAT(refusal("llama", {{"rope_parameters", by_kind}}), HasSubstr("rope_parameters"));
}

TEST_F(ConfigFile, RopeParametersThatSayTwoThingsAreRefused) {
  const Json fresh = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 5e5}};
  const auto with = [&](const Json& older) {
    Json changes = {{"rope_parameters", fresh}, {"rope_scaling", nullptr}};
    changes.update(older);
    return refusal("llama", changes);
  };
  EXPECT_EQ(with(Json::object()), "accepted");
  EXPECT_EQ(with({{"rope_scaling", {{"type", "linear"}, {"factor", 4}}}}), "accepted");
  EXPECT_THAT(with({{"rope_theta", 1e4}}), AllOf(HasSubstr("rope_parameters"), HasSubstr("\"rope_theta\"")));
  EXPECT_THAT(with({{"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}}), HasSubstr("\"rope_scaling\""));
  EXPECT_THAT(refusal("gpt_neox", {{"rope_parameters", {{"rope_theta", 1e4}, {"partial_rotary_factor", 0.25}}}}),
              HasSubstr("\"rotary_pct\""));
  EXPECT_THAT(refusal("gpt_neox", {{"rope_parameters", {{"rope_theta", 5e4}}}, {"rotary_emb_base", 10000}}),
              HasSubstr("\"rotary_emb_base\""));
}

TEST_F(ConfigFile, RopeScalingWithoutATypeOrWithABaseOfItsOwnIsRefused) {
  const Json by_kind = {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}}}};
  for (const Json& scaling :
       {Json::object(), by_kind, Json{{"factor", 8.0}}, Json{{"rope_type", "default"}, {"rope_theta", 5e5}}}) {
    EXPECT_THAT(refusal("olmo2", {{"rope_scaling", scaling}}), HasSubstr("\"rope_scaling\"")) << scaling;
  }
  EXPECT_EQ(refusal("olmo2", {{"rope_scaling", {{"type", "default"}, {"rope_theta", 1e4}}}}), "accepted");
}

TEST_F(ConfigFile, RopeParametersThatCannotBeReadAreRefused) {
  for (const Json& value :
       {Json("linear"), Json({{"rope_type", "default"}}), Json({{"rope_type", "unheard of"}, {"rope_theta", 1e4}})}) {
    EXPECT_THAT(refusal("olmo2", {{"rope_parameters", value}}), HasSubstr("rope_")) << value;
  }
  EXPECT_THAT(refusal("olmo2", {{"rope_parameters", {{"rope_theta", 1e4}, {"partial_rotary_factor", 0.5}}}}),
              HasSubstr("\"partial_rotary_factor\""));
}

TEST_F(ConfigFile, SharesOfAHeadAreRoundedDownAndStayWithinIt) {
  for (const std::string family : {"phi", "phi3"}) {
    EXPECT_EQ(read(family, {{"partial_rotary_factor", 0.55}}).rotaries[0].inverse_frequencies.size(), 3U) << family;
    EXPECT_EQ(read(family, {{"partial_rotary_factor", 1.04}}).rotaries[0].inverse_frequencies.size(), 6U) << family;
    for (const double share : {-1.0, 0.0, 1.2, 1e300}) {
      EXPECT_THAT(refusal(family, {{"partial_rotary_factor", share}}), HasSubstr("coordinates")) << family << share;
    }
  }
}

const std::vector<double> kFactors = {1.0, 1.1, 1.3, 1.7, 2.0, 2.5};

TEST_F(ConfigFile, LongropeTakesTheOriginalContextFromBesideItsScaling) {
  const Json scaling = {{"rope_type", "longrope"}, {"short_factor", kFactors}};
  Json inside = scaling;
  inside["original_max_position_embeddings"] = 40;
  for (const std::string family : {"llama", "phi3"}) {
    const ModelConfig beside = read(family, {{"rope_scaling", scaling}, {"original_max_position_embeddings", 40}});
    EXPECT_EQ(beside.n_ctx, 40);
    EXPECT_DOUBLE_EQ(beside.rotaries[0].attention_factor, std::sqrt(1.0 + std::log(4.0) / std::log(40.0)));
    Json fresh = inside;
    fresh["rope_theta"] = 1e4;
    expect_same_rotaries(read(family, {{"rope_parameters", fresh}, {"rope_scaling", nullptr}}), beside, family);
    EXPECT_THAT(refusal(family, {{"rope_scaling", inside}}), HasSubstr("original_max_position_embeddings"));
    inside["original_max_position_embeddings"] = 41;
    EXPECT_THAT(refusal(family, {{"rope_scaling", inside}, {"original_max_position_embeddings", 40}}),
                HasSubstr("original_max_position_embeddings"));
    inside["original_max_position_embeddings"] = 40;
  }
}

// As in the reference: the first files of Phi-3 call it su or yarn, and the family knows no other scaling.
TEST_F(ConfigFile, Phi3TakesEveryScalingForLongrope) {
  const Json factors = {{"short_factor", kFactors}, {"long_factor", kFactors}};
  const auto scaled = [&](const std::string& key, const std::string& name) {
    Json scaling = factors;
    scaling[key] = name;
    return Json{{"rope_scaling", scaling}, {"original_max_position_embeddings", 40}};
  };
  const ModelConfig expected = read("phi3", scaled("type", "longrope"));
  for (const std::string key : {"type", "rope_type"}) {
    for (const std::string name : {"su", "yarn"}) {
      expect_same_rotaries(read("phi3", scaled(key, name)), expected, key + " " + name);
    }
    for (const std::string name : {"linear", "llama3", "dynamic", "unheard of"}) {
      EXPECT_THAT(refusal("phi3", scaled(key, name)), HasSubstr("longrope")) << key;
    }
  }
  EXPECT_THAT(refusal("phi3", {{"rope_scaling", kYarn}}), HasSubstr("\"short_factor\""));
  EXPECT_THAT(refusal("llama", scaled("type", "su")), HasSubstr("\"rope_scaling\""));
}

TEST_F(ConfigFile, YarnTakesTheOriginalContextFromInsideItsScaling) {
  const Json beside = {{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}},
                       {"original_max_position_embeddings", 20}};
  EXPECT_THAT(refusal("llama", beside), HasSubstr("\"original_max_position_embeddings\""));
  expect_same_rotaries(read("llama", {{"rope_scaling", kYarn}, {"original_max_position_embeddings", 160}}),
                       read("llama", {{"rope_scaling", kYarn}}), "yarn");
}

// As the reference does: max_position_embeddings is the original context, and the factor is the file's own.
TEST_F(ConfigFile, LongropeWithoutAnOriginalContextScalesByItsFactor) {
  Json scaling = {{"rope_type", "longrope"}, {"short_factor", kFactors}, {"factor", 4.0}};
  const ModelConfig config = read("llama", {{"rope_scaling", scaling}});
  EXPECT_EQ(config.n_ctx, 160);
  EXPECT_DOUBLE_EQ(config.rotaries[0].attention_factor, std::sqrt(1.0 + std::log(4.0) / std::log(160.0)));
  scaling.erase("factor");
  EXPECT_THAT(refusal("llama", {{"rope_scaling", scaling}}), HasSubstr("\"factor\""));
}

// The reference windows every layer of these, whatever layer_types says.
TEST_F(ConfigFile, LayerTypesThatTheReferenceWouldNotObeyAreRefused) {
  const Json mixed = {"full_attention", "sliding_attention", "full_attention"};
  const Json sliding = {"sliding_attention", "sliding_attention", "sliding_attention"};
  const Json full = {"full_attention", "full_attention", "full_attention"};
  for (const std::string family : {"mistral", "mixtral", "phi3", "qwen3_moe"}) {
    const Json window = {{"sliding_window", 17}, {"use_sliding_window", true}};
    const auto with = [&](Json changes, const Json& layers) {
      changes["layer_types"] = layers;
      return refusal(family, changes);
    };
    EXPECT_EQ(with(window, sliding), "accepted") << family;
    EXPECT_THAT(with(window, mixed), HasSubstr("\"layer_types\"")) << family;
    EXPECT_THAT(with(window, full), HasSubstr("\"layer_types\"")) << family;
    EXPECT_EQ(with({{"sliding_window", nullptr}}, full), "accepted") << family;
    EXPECT_THAT(with({{"sliding_window", nullptr}}, mixed), HasSubstr("\"layer_types\"")) << family;
  }
  EXPECT_EQ(read("gemma2", {{"layer_types", mixed}}).attention[1].window, 13);
}

TEST_F(ConfigFile, ANullWindowIsNoWindow) {
  for (const std::string family : {"mistral", "mixtral", "phi3", "qwen2", "qwen3", "qwen3_moe"}) {
    const Json changes = {{"sliding_window", nullptr}, {"use_sliding_window", true}, {"max_window_layers", 0}};
    for (const LayerAttention& layer : read(family, changes).attention) EXPECT_EQ(layer.window, 0) << family;
  }
  for (const std::string family : {"gemma2", "gemma3_text"}) {
    EXPECT_THAT(refusal(family, {{"sliding_window", nullptr}}), HasSubstr("\"sliding_window\"")) << family;
  }
}

TEST_F(ConfigFile, NullKeyHeadsAreAsManyAsHeads) {
  for (const std::string family : {"mistral", "mixtral"}) {
    EXPECT_EQ(read(family, {{"num_key_value_heads", nullptr}}).n_kv_heads, 4) << family;
  }
  Json config = changed("mistral", {{"num_attention_heads", 16}, {"head_dim", 4}});
  config.erase("num_key_value_heads");
  EXPECT_EQ(read(config).n_kv_heads, 8);
}

TEST_F(ConfigFile, SharedOrWideHeadsAreRefusedInFamiliesWithout) {
  for (const std::string family : {"gpt_neox", "opt"}) {
    EXPECT_THAT(refusal(family, {{"num_key_value_heads", 2}}), HasSubstr("\"num_key_value_heads\"")) << family;
    EXPECT_THAT(refusal(family, {{"head_dim", 16}}), HasSubstr("\"head_dim\"")) << family;
  }
}

TEST_F(ConfigFile, WhatTheReferenceLeavesOutOfGemmaIsRefused) {
  for (const std::string family : {"gemma3_text", "gemma3"}) {
    EXPECT_THAT(refusal(family, {{"attn_logit_softcapping", 50.0}}), HasSubstr("\"attn_logit_softcapping\""));
    EXPECT_EQ(refusal(family, {{"attn_logit_softcapping", nullptr}}), "accepted");
  }
  EXPECT_EQ(read("gemma3_text", {{"final_logit_softcapping", 30.0}}).final_soft_cap, 30.0);
  EXPECT_THAT(refusal("gemma3", {{"final_logit_softcapping", 30.0}}), HasSubstr("\"final_logit_softcapping\""));
  for (const std::string family : {"gemma", "gemma2", "gemma3_text", "gemma3"}) {
    EXPECT_THAT(refusal(family, {{"use_bidirectional_attention", true}}), HasSubstr("use_bidirectional_attention"));
  }
}

// The first pass used to be what refused them.
TEST_F(ConfigFile, UnknownActivationsAreRefusedByTheirKey) {
  const std::vector<std::pair<std::string, std::string>> keys = {{"gpt2", "activation_function"},
                                                                 {"gpt_neo", "activation_function"},
                                                                 {"opt", "activation_function"},
                                                                 {"gpt_neox", "hidden_act"},
                                                                 {"llama", "hidden_act"},
                                                                 {"phi", "hidden_act"},
                                                                 {"gemma", "hidden_act"},
                                                                 {"gemma2", "hidden_activation"},
                                                                 {"gemma3_text", "hidden_activation"}};
  for (const auto& [family, key] : keys) {
    EXPECT_THAT(refusal(family, {{key, "mish"}}),
                AllOf(HasSubstr("\"" + key + "\" \"mish\""), HasSubstr("gelu_new"), HasSubstr("silu")));
  }
}

}  // namespace
}  // namespace energy_lens
