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
    EXPECT_DOUBLE_EQ(text["perplexity"].get<double>(), std::exp(text["nll"].get<double>()));
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

// log softmax(W_U r) in fp64, from the streams of the logit lens's run: no norm, no clamp.
TEST(LensRecipe, SeedCompatLeavesTheFinalNormOutAndSaysSo) {
  LensConfig config = demo({"The regex \\d+ matches numbers in text strings effectively."});
  config.layers = {0, 8, 12};
  config.out = (std::filesystem::temp_directory_path() / ("el_seed_" + std::to_string(::getpid()))).string();
  const Json plain = run_lens(config);
  const SafetensorsFile arrays = SafetensorsFile::open(config.out + "/arrays.safetensors");
  const auto model = load_model(config.model);
  const auto ids = plain["texts"][0]["token_ids"].get<std::vector<std::int64_t>>();
  const at::Tensor targets = at::tensor(ids, at::kLong).narrow(0, 1, std::ssize(ids) - 1);
  config.out.clear();
  config.lens = "seed-compat";
  const Json wrong = run_lens(config), text = wrong["texts"][0];
  EXPECT_EQ(plain["lens"], "logit");
  EXPECT_EQ(plain["kernel"], "best");
  EXPECT_EQ(plain["gradients"], "none");
  EXPECT_EQ(wrong["lens"], "seed-compat");
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    const at::Tensor r = arrays.view("text.0.layer." + std::to_string(config.layers[i]) + ".resid").to(at::kDouble);
    const at::Tensor z = at::mm(r, model->unembed().w_u.to(at::kDouble).t());
    const at::Tensor energy = -z.log_softmax(1).gather(1, targets.unsqueeze(1)).squeeze(1);
    // Logits are fp32 sums of D products.
    const double tolerance = 1e-6 + std::ldexp(static_cast<double>(r.size(1)), -24) * z.abs().max().item<double>();
    for (std::int64_t t = 0; t < energy.size(0); ++t) {
      EXPECT_NEAR(text["energy"][i][t].get<double>(), energy[t].item<double>(), tolerance);
    }
    EXPECT_NE(text["energy"][i], plain["texts"][0]["energy"][i]);
  }
  // The model's loss is the model's whatever the lens; nothing is compared with it.
  EXPECT_EQ(text["nll"], plain["texts"][0]["nll"]);
  EXPECT_TRUE(text["last_layer_max_difference"].is_null());
  EXPECT_FALSE(text.contains("kl_to_final"));
  std::filesystem::remove_all(std::filesystem::temp_directory_path() / ("el_seed_" + std::to_string(::getpid())));
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
  EXPECT_EQ(kind([](LensConfig& c) { c.lens = "tuned"; }), ErrorKind::Usage);
  EXPECT_EQ(kind([](LensConfig& c) { c.lens = "seed-compat", c.gradients = "lens"; }), ErrorKind::Usage);
  EXPECT_EQ(kind([](LensConfig& c) { c.text = {"a"}; }), ErrorKind::BadInput);
}

}  // namespace
}  // namespace energy_lens
