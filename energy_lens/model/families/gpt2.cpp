// GPT-2 (Radford et al. 2019), as Hugging Face stores it: Conv1D matrices are [in, out], LayerNorm before each
// sublayer, learned positions, tied unembedding.
#include <cmath>

#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  reader.expect_flag("scale_attn_weights", true, true);
  reader.expect_flag("scale_attn_by_inverse_layer_idx", false, false);
  reader.expect_flag("reorder_and_upcast_attn", false, false);
  reader.expect_flag("add_cross_attention", false, false);
  ModelConfig config;
  config.family = "gpt2";
  config.n_layers = reader.integer("n_layer", 1, 1000);
  config.d_model = reader.integer("n_embd", 1, 1 << 17);
  config.n_heads = config.n_kv_heads = reader.integer("n_head", 1, 1 << 12);
  config.n_ctx = reader.integer("n_positions", 1, 1 << 24);
  config.d_vocab = reader.integer("vocab_size", 2, 1 << 24);
  if (config.d_model % config.n_heads != 0) reader.refuse("n_embd", "a multiple of n_head");
  config.d_head = config.d_model / config.n_heads;
  config.d_mlp = reader.integer_or("n_inner", 1, 1 << 20, 4 * config.d_model);
  config.norm_eps = reader.number_or("layer_norm_epsilon", 1e-5);
  config.activation = reader.activation_or("activation_function", "gelu_new");
  config.tied_unembed = reader.flag_or("tie_word_embeddings", true);
  config.attention_scale = 1.0 / std::sqrt(static_cast<double>(config.d_head));
  config.attention.resize(static_cast<std::size_t>(config.n_layers));
  return config;
}

AffineWeights conv1d(const BlockReader& block, const std::string& name, std::int64_t in, std::int64_t out) {
  return {block.take(name + ".weight", {in, out}), block.take(name + ".bias", {out})};
}

ModelWeights load(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype) {
  const BlockReader whole(source, "", dtype);
  ModelWeights weights;
  weights.embed = whole.take("wte.weight", {c.d_vocab, c.d_model});
  weights.pos_embed = whole.take("wpe.weight", {c.n_ctx, c.d_model});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const BlockReader block(source, "h." + std::to_string(layer) + ".", dtype);
    BlockWeights& w = weights.blocks.emplace_back();
    w.attn_norm = block.norm("ln_1", c.d_model, true);
    w.mlp_norm = block.norm("ln_2", c.d_model, true);
    w.qkv = conv1d(block, "attn.c_attn", c.d_model, 3 * c.d_model);
    w.out = conv1d(block, "attn.c_proj", c.d_model, c.d_model);
    w.in = conv1d(block, "mlp.c_fc", c.d_model, c.d_mlp);
    w.mlp_out = conv1d(block, "mlp.c_proj", c.d_mlp, c.d_model);
  }
  weights.unembed = read_unembed(whole, c, weights.embed, whole.norm("ln_f", c.d_model, true), "lm_head.weight");
  return weights;
}

}  // namespace

Family gpt2_family() {
  return {"gpt2", {"", "transformer."}, {"attn.bias", "attn.masked_bias", "lm_head.weight"}, read_config, load};
}

}  // namespace energy_lens
