#include "energy_lens/experiment/lens_recipe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/io/safetensors.h"

namespace energy_lens {
namespace {

LensConfig demo(std::vector<std::string> text) {
  LensConfig config;
  config.model = EL_SOURCE_DIR "/models/demo";
  config.text = std::move(text);
  return config;
}

TEST(LensRecipe, PrintsOneRowALayerUnderEveryName) {
  const Json json = run_lens(demo({"The quick brown fox.", "a b c"}));
  EXPECT_EQ(json["schema"], "energy-lens/lens/1");
  EXPECT_EQ(json["model"]["n_layers"], 12);
  ASSERT_EQ(json["texts"].size(), 2u);
  for (const Json& text : json["texts"]) {
    const std::size_t targets = text["token_ids"].size() - 1;
    EXPECT_EQ(text["tokens"].size(), targets + 1);
    EXPECT_EQ(text["offsets"].size(), targets + 1);
    ASSERT_EQ(text["layers"].size(), 13u);
    for (const char* name : {"energy", "entropy", "cross_entropy", "kl_to_final", "margin", "rank", "confidence",
                             "free_energy", "depth_descent", "central_difference", "top_ids"}) {
      ASSERT_EQ(text[name].size(), 13u) << name;
      for (const Json& row : text[name]) EXPECT_EQ(row.size(), targets) << name;
    }
    double mean = 0.0;
    for (const Json& energy : text["energy"].back()) mean += energy.get<double>() / static_cast<double>(targets);
    EXPECT_NEAR(text["nll"].get<double>(), mean, 1e-5);
    EXPECT_NEAR(text["perplexity"].get<double>(), std::exp(mean), 1e-3);
  }
}

TEST(LensRecipe, BosShiftsOffsetsWithTheTokens) {
  LensConfig config = demo({"The fox"});
  config.bos = true;
  config.layers = {12};
  const Json with = run_lens(config)["texts"][0];
  config.bos = false;
  const Json without = run_lens(config)["texts"][0];
  EXPECT_EQ(with["token_ids"].size(), without["token_ids"].size() + 1);
  EXPECT_EQ(with["offsets"][0], (Json{0, 0}));
  EXPECT_EQ(with["offsets"][1], without["offsets"][0]);
}

// At the last layer no block follows: the lens gradient, the model's own and its total are one vector.
TEST(LensRecipe, GradientsAgreeAtTheLastLayerAndGoToTheArrays) {
  LensConfig config = demo({"The quick brown fox."});
  config.layers = {6, 12};
  config.gradients = "full";
  config.out = (std::filesystem::temp_directory_path() / ("el_lens_" + std::to_string(::getpid()))).string();
  const Json text = run_lens(config)["texts"][0];
  const SafetensorsFile arrays = SafetensorsFile::open(config.out + "/arrays.safetensors");
  const at::Tensor lens = arrays.view("text.0.layer.12.gradient");
  EXPECT_EQ(lens.size(0), static_cast<std::int64_t>(text["token_ids"].size()) - 1);
  for (const char* kind : {"full_own_gradient", "full_total_gradient"}) {
    EXPECT_LT((arrays.view("text.0.layer.12." + std::string(kind)) - lens).abs().max().item<double>(), 1e-4);
  }
  EXPECT_GT((arrays.view("text.0.layer.6.full_total_gradient") - arrays.view("text.0.layer.6.gradient"))
                .abs()
                .max()
                .item<double>(),
            1e-3);
  EXPECT_NEAR(text["gradient_norm"][1][0].get<double>(), lens[0].norm().item<double>(), 1e-4);
  EXPECT_EQ(arrays.view("text.0.layer.6.resid").sizes(), lens.sizes());
  // Compared as text: an undefined number is NaN here and null in the file.
  EXPECT_TRUE(read_json(config.out + "/lens.json")["texts"][0].dump() == text.dump());
  std::filesystem::remove_all(config.out);
}

TEST(LensRecipe, NamesWhatIsWrong) {
  const auto kind = [](auto change) {
    LensConfig config = demo({"a b c"});
    change(config);
    try {
      run_lens(config);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::Internal;
  };
  EXPECT_EQ(kind([](LensConfig& c) { c.text.clear(); }), ErrorKind::Usage);
  EXPECT_EQ(kind([](LensConfig& c) { c.layers = {13}; }), ErrorKind::Usage);
  EXPECT_EQ(kind([](LensConfig& c) { c.gradients = "some"; }), ErrorKind::Usage);
  EXPECT_EQ(kind([](LensConfig& c) { c.dtype = "int3"; }), ErrorKind::Usage);
  EXPECT_EQ(kind([](LensConfig& c) { c.text = {"a"}; }), ErrorKind::BadInput);
}

}  // namespace
}  // namespace energy_lens
