// GPT-NeoX (Black et al. 2204.06745) and Pythia (Biderman et al. 2304.01373): rotary positions on a part of each head,
// attention and MLP side by side, untied unembedding.
#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  ModelConfig config = read_decoder_config(reader, "gpt_neox", false);
  expect_plain_heads(reader, config);
  config.qkv_bias = config.out_bias = reader.flag_or("attention_bias", true);
  config.norm = NormKind::LayerNorm;
  config.norm_eps = reader.number_or("layer_norm_eps", 1e-5);
  config.activation = reader.activation_or("hidden_act", "gelu");
  config.gated_mlp = false;
  config.parallel_residual = reader.flag_or("use_parallel_residual", true);
  const double share = reader.number_of_either("rotary_pct", "partial_rotary_factor", 0.25);
  config.rotaries = {
      read_partial_rotary(reader, config, share, reader.number_of_either("rotary_emb_base", "rope_theta", 10000.0))};
  return config;
}

// Stored head by head: [H, (query, key, value), Dh] rows; ours are all queries, all keys, all values.
AffineWeights query_key_value(const BlockReader& block, const ModelConfig& c) {
  const std::string name = "attention.query_key_value";
  const AffineWeights stored = block.linear(c.d_model, {{name, 3 * c.d_model}}, c.qkv_bias);
  const at::Tensor rows = stored.w.t().view({c.n_heads, 3, c.d_head, c.d_model}).transpose(0, 1);
  AffineWeights ours{rows.reshape({3 * c.d_model, c.d_model}).t(), {}};
  if (c.qkv_bias) {
    ours.b = stored.b.view({c.n_heads, 3, c.d_head}).transpose(0, 1).reshape({3 * c.d_model});
  }
  return ours;
}

ModelWeights load(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype) {
  const std::int64_t d = c.d_model;
  const BlockReader whole(source, "", dtype);
  ModelWeights weights;
  weights.embed = whole.take("embed_in.weight", {c.d_vocab, d});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const BlockReader block(source, "layers." + std::to_string(layer) + ".", dtype);
    BlockWeights& w = weights.blocks.emplace_back();
    w.attn_norm = block.norm("input_layernorm", d, true);
    w.mlp_norm = block.norm("post_attention_layernorm", d, true);
    w.qkv = query_key_value(block, c);
    w.out = block.linear(d, {{"attention.dense", d}}, c.out_bias);
    w.in = block.linear(d, {{"mlp.dense_h_to_4h", c.d_mlp}}, true);
    w.mlp_out = block.linear(c.d_mlp, {{"mlp.dense_4h_to_h", d}}, true);
  }
  weights.unembed = read_unembed(whole, c, weights.embed, whole.norm("final_layer_norm", d, true), "embed_out.weight");
  return weights;
}

}  // namespace

Family gpt_neox_family() {
  return {"gpt_neox",
          {"gpt_neox.", ""},
          {"attention.bias", "attention.masked_bias", "rotary_emb.inv_freq", "embed_out.weight"},
          read_config,
          load};
}

}  // namespace energy_lens
