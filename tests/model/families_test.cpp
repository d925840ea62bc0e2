// What must hold for every family alike. A family without a configuration here fails the first test.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <tuple>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/model/attention.h"
#include "energy_lens/model/families/registry.h"
#include "energy_lens/model/model.h"
#include "tests/support/family_configs.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::family_configs;
using testing::random_family_model;
using testing::random_ids;

struct Recorder : Observer {
  bool wants(const SiteRef&) const override { return true; }
  void observe(const SiteRef& site, const at::Tensor& value, const TokenBatch&) override {
    order.push_back(site);
    values[site] = value.clone();
  }
  const at::Tensor& at(Site site, std::int64_t layer) const { return values.at({site, layer}); }
  std::vector<SiteRef> order;
  std::map<SiteRef, at::Tensor> values;
};

TEST(Families, EveryRegisteredOneIsTested) {
  std::vector<std::string> registered, tested;
  for (const Family& family : families()) registered.push_back(family.name);
  for (const auto& [name, config] : family_configs()) tested.push_back(name);
  std::ranges::sort(registered);
  std::ranges::sort(tested);
  EXPECT_EQ(registered, tested);
}

TEST(Families, EveryRegisteredOneStandsOnceInTheTableOfAgreement) {
  const std::string page = read_file(EL_SOURCE_DIR "/docs/models.md", 1 << 20);
  const std::string table = page.substr(page.find("<!-- parity:"), page.find("<!-- end of parity -->"));
  for (const Family& family : families()) {
    const std::size_t row = table.find("| `" + family.name + "` | transformers ");
    ASSERT_NE(row, std::string::npos) << family.name << ": run tools/make_models_table.py parity";
    EXPECT_EQ(table.find("| `" + family.name + "` |", row + 1), std::string::npos) << family.name;
  }
}

// The families that files of model/families define, by the name of their function.
std::vector<std::string> families_in_files() {
  const std::regex definition("^Family (\\w+)_family\\(\\)");
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(EL_SOURCE_DIR "/energy_lens/model/families")) {
    if (entry.path().extension() != ".cpp") continue;
    std::ifstream file(entry.path());
    std::smatch match;
    for (std::string line; std::getline(file, line);) {
      if (std::regex_search(line, match, definition)) names.push_back(match[1]);
    }
  }
  return names;
}

TEST(Families, TheRegistryListsThoseOfTheFolder) {
  std::vector<std::string> registered, defined = families_in_files();
  for (const Family& family : families()) registered.push_back(family.name);
  std::ranges::sort(registered);
  std::ranges::sort(defined);
  EXPECT_EQ(registered, defined);
}

// Variants that would silently give other numbers, each refused by the name of its key.
TEST(Families, VariantsThatAreNotBuiltAreRefusedByName) {
  const std::vector<std::tuple<std::string, std::string, Json>> variants = {
      {"gpt2", "scale_attn_weights", false},
      {"gpt2", "scale_attn_by_inverse_layer_idx", true},
      {"gpt2", "reorder_and_upcast_attn", true},
      {"gpt2", "add_cross_attention", true},
      {"gpt2", "n_embd", 50},
      {"gpt_neo", "attention_types", Json::parse(R"([[["global", "sideways"], 1]])")},
      {"opt", "do_layer_norm_before", false},
      {"opt", "word_embed_proj_dim", 24},
      {"opt", "_remove_final_layer_norm", true},
      {"opt", "enable_bias", false},
      {"opt", "layer_norm_elementwise_affine", false},
      {"phi", "qk_layernorm", true},
      {"phi3", "attention_bias", true},
      {"gemma3_text", "use_bidirectional_attention", true},
      {"qwen2_moe", "use_sliding_window", true},
      {"qwen2_moe", "num_experts_per_tok", 7},
      {"qwen3_moe", "num_experts", 0},
      {"qwen3_moe", "mlp_only_layers", Json::parse(R"(["first"])")},
      {"llama", "rope_scaling", Json::parse(R"({"rope_type": "unheard of"})")},
      {"llama", "num_key_value_heads", 3},
      {"llama", "vocab_size", "many"},
      {"mistral", "layer_types", Json::parse(R"(["full_attention"])")}};
  for (const auto& [family, key, value] : variants) {
    Json config = family_configs().at(family);
    config[key] = value;
    try {
      family_named(family).read_config(config);
      ADD_FAILURE() << family << " took " << key << " " << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      EXPECT_NE(std::string(error.what()).find("\"" + key + "\""), std::string::npos) << error.what();
    }
  }
}

class EveryFamily : public ::testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Model> model = random_family_model(GetParam());
  const TokenBatch batch = pad_right({random_ids(70, 50), random_ids(9, 50, 1)});
};

TEST_P(EveryFamily, FiresTheSameSitesInTheSameOrder) {
  Recorder recorder;
  ForwardOptions options;
  options.observer = &recorder;
  const at::Tensor watched = model->forward(batch, options).logits;
  EXPECT_EQ(recorder.order, all_sites(model->config().n_layers));
  EXPECT_TRUE(at::equal(watched, model->forward(batch).logits));
}

TEST_P(EveryFamily, BatchPaddingAndThreadsChangeNoBit) {
  const at::Tensor together = model->forward(batch).logits;
  const int threads = at::get_num_threads();
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(model->forward(batch).logits, together)) << count << " threads";
    const at::Tensor alone = model->forward(pad_right({random_ids(9, 50, 1)})).logits[0];
    EXPECT_TRUE(at::equal(alone, together[1].narrow(0, 0, 9))) << count << " threads";
  }
  at::set_num_threads(threads);
}

TEST_P(EveryFamily, SitesObeyTheIdentitiesOfABlock) {
  Recorder r;
  ForwardOptions options;
  options.observer = &r;
  model->forward(pad_right({random_ids(70, 50)}), options);
  for (std::int64_t layer = 0; layer < model->config().n_layers; ++layer) {
    const at::Tensor v = shared_heads(r.at(Site::V, layer).transpose(1, 2), model->config().n_heads);
    const at::Tensor z = at::matmul(r.at(Site::Pattern, layer), v).transpose(1, 2);
    EXPECT_TRUE(at::allclose(z, r.at(Site::Z, layer), 1e-5, 1e-5)) << "layer " << layer;
    const at::Tensor sum = r.at(Site::ResidPre, layer) + r.at(Site::AttnOut, layer) + r.at(Site::MlpOut, layer);
    EXPECT_TRUE(at::allclose(sum, r.at(Site::ResidPost, layer), 1e-5, 1e-5)) << "layer " << layer;
  }
}

TEST_P(EveryFamily, BothWaysOfRunningAgree) {
  const TokenBatch one = pad_right({random_ids(40, 50)});
  ForwardOptions recorded;
  recorded.differentiable = true;
  const at::Tensor blocks = model->forward(one).logits, whole = model->forward(one, recorded).logits.detach();
  // In the mean square each of the 2 L + 1 products adds as many roundings of 2^-24 as it sums numbers, in either way.
  const ModelConfig& config = model->config();
  const auto roundings = static_cast<double>((2 * config.n_layers + 1) * std::max(config.d_model, config.d_mlp));
  const double error = ((blocks - whole).square().mean() / whole.square().mean()).sqrt().item<double>();
  EXPECT_LT(error, std::sqrt(2.0 * roundings) * 0x1p-24);
}

TEST_P(EveryFamily, AKvCacheChangesNoToken) {
  const std::vector<std::int64_t> continued = generate_greedy(*model, random_ids(5, 50), 64);
  std::vector<std::int64_t> ids = random_ids(5, 50);
  for (int step = 0; step < 64; ++step) {
    ids.push_back(model->forward(pad_right({ids})).logits[0][-1].argmax().item<std::int64_t>());
  }
  EXPECT_EQ(continued, ids);
}

TEST_P(EveryFamily, Bfloat16StaysNearFp32) {
  const auto half = random_family_model(GetParam(), at::kBFloat16);
  const TokenBatch one = pad_right({random_ids(70, 50)});
  const at::Tensor exact = model->forward(one).logits[0], rounded = half->forward(one).logits[0];
  // In the mean square each of the 2 L + 1 products adds roundings of 2^-9 of its input, its weights and its output.
  const double products = 2.0 * static_cast<double>(model->config().n_layers) + 1.0;
  // Where there are experts, a token near the border of two may go to another one: a tenth of the tokens is let off.
  at::Tensor by_token = std::get<0>(at::sort((exact - rounded).square().mean(-1)));
  if (model->config().experts.count > 0) by_token = by_token.narrow(0, 0, 63);
  const double error = (by_token.mean() / exact.square().mean()).sqrt().item<double>();
  EXPECT_LT(error, 3.0 * products / 512.0);
  EXPECT_FALSE(at::equal(exact, rounded));
}

INSTANTIATE_TEST_SUITE_P(All, EveryFamily, ::testing::ValuesIn(testing::family_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace energy_lens
