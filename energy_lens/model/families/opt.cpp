// OPT (Zhang et al. 2205.01068): LayerNorm before each sublayer, ReLU, learned positions that begin at row 2.
#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kFirstPosition = 2;

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  Json sizes = json;
  sizes["intermediate_size"] = reader.at("ffn_dim");
  ModelConfig config = read_decoder_config(ConfigReader(sizes), "opt", true);
  expect_plain_heads(reader, config);
  reader.expect_flag("do_layer_norm_before", true, true);
  reader.expect_flag("_remove_final_layer_norm", false, false);
  reader.expect_flag("enable_bias", true, true);
  reader.expect_flag("layer_norm_elementwise_affine", true, true);
  if (reader.integer_or("word_embed_proj_dim", 1, 1 << 17, config.d_model) != config.d_model) {
    reader.refuse("word_embed_proj_dim", "hidden_size: projected embeddings (OPT-350m) are not built");
  }
  config.norm = NormKind::LayerNorm;
  config.norm_eps = 1e-5;
  config.activation = reader.activation_or("activation_function", "relu");
  config.gated_mlp = false;
  config.position_offset = kFirstPosition;
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype) {
  const std::int64_t d = c.d_model;
  const BlockReader whole(source, "", dtype);
  ModelWeights weights;
  weights.embed = whole.take("decoder.embed_tokens.weight", {c.d_vocab, d});
  weights.pos_embed = whole.take("decoder.embed_positions.weight", {c.n_ctx + kFirstPosition, d});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const BlockReader block(source, "decoder.layers." + std::to_string(layer) + ".", dtype);
    BlockWeights& w = weights.blocks.emplace_back();
    w.attn_norm = block.norm("self_attn_layer_norm", d, true);
    w.mlp_norm = block.norm("final_layer_norm", d, true);
    w.qkv = block.linear(d, {{"self_attn.q_proj", d}, {"self_attn.k_proj", d}, {"self_attn.v_proj", d}}, true);
    w.out = block.linear(d, {{"self_attn.out_proj", d}}, true);
    w.in = block.linear(d, {{"fc1", c.d_mlp}}, true);
    w.mlp_out = block.linear(c.d_mlp, {{"fc2", d}}, true);
  }
  weights.unembed =
      read_unembed(whole, c, weights.embed, whole.norm("decoder.final_layer_norm", d, true), "lm_head.weight");
  return weights;
}

}  // namespace

Family opt_family() { return {"opt", {"model.", ""}, {"lm_head.weight"}, read_config, load}; }

}  // namespace energy_lens
