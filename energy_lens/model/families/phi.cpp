// Phi-1, 1.5 and 2 (Li et al. 2309.05463): attention and MLP side by side behind one LayerNorm, rotary positions on a
// part of each head, biases everywhere.
#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  reader.expect_flag("qk_layernorm", false, false);
  ModelConfig config = read_decoder_config(reader, "phi", false);
  config.norm = NormKind::LayerNorm;
  config.norm_eps = reader.number_or("layer_norm_eps", 1e-5);
  config.activation = reader.activation_or("hidden_act", "gelu_new");
  config.gated_mlp = false;
  config.parallel_residual = true;
  config.rotaries = {read_partial_rotary(reader, config, reader.number_or("partial_rotary_factor", 0.5),
                                         reader.number_or("rope_theta", 10000.0))};
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype) {
  const std::int64_t d = c.d_model, queries = c.n_heads * c.d_head, keys = c.n_kv_heads * c.d_head;
  const BlockReader whole(source, "", dtype);
  ModelWeights weights;
  weights.embed = whole.take("embed_tokens.weight", {c.d_vocab, d});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const BlockReader block(source, "layers." + std::to_string(layer) + ".", dtype);
    BlockWeights& w = weights.blocks.emplace_back();
    w.attn_norm = w.mlp_norm = block.norm("input_layernorm", d, true);
    w.qkv =
        block.linear(d, {{"self_attn.q_proj", queries}, {"self_attn.k_proj", keys}, {"self_attn.v_proj", keys}}, true);
    w.out = block.linear(queries, {{"self_attn.dense", d}}, true);
    w.in = block.linear(d, {{"mlp.fc1", c.d_mlp}}, true);
    w.mlp_out = block.linear(c.d_mlp, {{"mlp.fc2", d}}, true);
  }
  weights.unembed = read_unembed(whole, c, weights.embed, whole.norm("final_layernorm", d, true), "lm_head.weight");
  weights.unembed.b_u = whole.take_fp32("lm_head.bias", {c.d_vocab});
  return weights;
}

}  // namespace

Family phi_family() { return {"phi", {"model.", ""}, {"lm_head.weight", "rotary_emb.inv_freq"}, read_config, load}; }

}  // namespace energy_lens
