// GPT-Neo (Black et al. 2021; TinyStories' models): GPT-2 with unscaled attention whose layers alternate between all
// earlier tokens and a window.
#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

// attention_types: [[["global", "local"], 6], ...] spelled out.
std::vector<std::string> layer_kinds(const ConfigReader& reader) {
  std::vector<std::string> kinds;
  const char* const expected = "[[[\"global\", \"local\"], count], ...]";
  for (const Json& group : reader.at("attention_types")) {
    if (!group.is_array() || group.size() != 2 || !group[0].is_array() || !group[1].is_number_unsigned() ||
        group[1].get<std::uint64_t>() > 1000) {
      reader.refuse("attention_types", expected);
    }
    for (std::uint64_t i = 0; i < group[1].get<std::uint64_t>(); ++i) {
      for (const Json& kind : group[0]) {
        if (kind != "global" && kind != "local") reader.refuse("attention_types", expected);
        kinds.push_back(kind.get<std::string>());
      }
    }
  }
  return kinds;
}

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  ModelConfig config;
  config.family = "gpt_neo";
  config.n_layers = reader.integer("num_layers", 1, 1000);
  config.d_model = reader.integer("hidden_size", 1, 1 << 17);
  config.n_heads = config.n_kv_heads = reader.integer("num_heads", 1, 1 << 12);
  config.n_ctx = reader.integer("max_position_embeddings", 1, 1 << 24);
  config.d_vocab = reader.integer("vocab_size", 2, 1 << 24);
  if (config.d_model % config.n_heads != 0) reader.refuse("hidden_size", "a multiple of num_heads");
  config.d_head = config.d_model / config.n_heads;
  config.d_mlp = reader.integer_or("intermediate_size", 1, 1 << 20, 4 * config.d_model);
  config.norm_eps = reader.number_or("layer_norm_epsilon", 1e-5);
  config.activation = reader.activation_or("activation_function", "gelu_new");
  config.tied_unembed = reader.flag_or("tie_word_embeddings", true);
  config.attention.resize(static_cast<std::size_t>(config.n_layers));
  const std::vector<std::string> kinds = layer_kinds(reader);
  if (kinds.size() != config.attention.size()) reader.refuse("attention_types", "as many kinds as num_layers");
  const std::int64_t window = reader.integer_or("window_size", 1, 1 << 24, 256);
  for (std::size_t i = 0; i < kinds.size(); ++i) config.attention[i].window = kinds[i] == "local" ? window : 0;
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype) {
  const std::int64_t d = c.d_model;
  const BlockReader whole(source, "", dtype);
  ModelWeights weights;
  weights.embed = whole.take("wte.weight", {c.d_vocab, d});
  weights.pos_embed = whole.take("wpe.weight", {c.n_ctx, d});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const BlockReader block(source, "h." + std::to_string(layer) + ".", dtype);
    BlockWeights& w = weights.blocks.emplace_back();
    const std::string attention = "attn.attention.";
    w.attn_norm = block.norm("ln_1", d, true);
    w.mlp_norm = block.norm("ln_2", d, true);
    w.qkv = block.linear(d, {{attention + "q_proj", d}, {attention + "k_proj", d}, {attention + "v_proj", d}}, false);
    w.out = block.linear(d, {{attention + "out_proj", d}}, true);
    w.in = block.linear(d, {{"mlp.c_fc", c.d_mlp}}, true);
    w.mlp_out = block.linear(c.d_mlp, {{"mlp.c_proj", d}}, true);
  }
  weights.unembed = read_unembed(whole, c, weights.embed, whole.norm("ln_f", d, true), "lm_head.weight");
  return weights;
}

}  // namespace

Family gpt_neo_family() {
  return {"gpt_neo",
          {"", "transformer."},
          {"attention.bias", "attention.masked_bias", "lm_head.weight"},
          read_config,
          load};
}

}  // namespace energy_lens
