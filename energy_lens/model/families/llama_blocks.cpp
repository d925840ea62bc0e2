#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

NormWeights norm_of(const BlockReader& reader, const LlamaVariant& v, const std::string& name, std::int64_t width) {
  return v.offset_norms ? reader.offset_norm(name, width) : reader.norm(name, width, false);
}

void load_norms(const BlockReader& block, const ModelConfig& c, const LlamaVariant& v, BlockWeights& w) {
  const std::int64_t d = c.d_model;
  if (v.norms_before) w.attn_norm = norm_of(block, v, "input_layernorm", d);
  if (v.norms_after) {
    w.attn_post_norm = norm_of(block, v, "post_attention_layernorm", d);
    w.mlp_post_norm = norm_of(block, v, "post_feedforward_layernorm", d);
    if (v.norms_before) w.mlp_norm = norm_of(block, v, "pre_feedforward_layernorm", d);
  } else {
    w.mlp_norm = norm_of(block, v, "post_attention_layernorm", d);
  }
  if (!v.head_norms && !v.projection_norms) return;
  w.q_norm = norm_of(block, v, "self_attn.q_norm", v.head_norms ? c.d_head : c.n_heads * c.d_head);
  w.k_norm = norm_of(block, v, "self_attn.k_norm", v.head_norms ? c.d_head : c.n_kv_heads * c.d_head);
}

BlockWeights load_block(const WeightSource& source, std::int64_t layer, const ModelConfig& c, at::ScalarType dtype,
                        const LlamaVariant& v) {
  const BlockReader block(source, "layers." + std::to_string(layer) + ".", dtype);
  const std::int64_t d = c.d_model, queries = c.n_heads * c.d_head, keys = c.n_kv_heads * c.d_head;
  BlockWeights w;
  load_norms(block, c, v, w);
  w.qkv = block.linear(d, {{"self_attn.q_proj", queries}, {"self_attn.k_proj", keys}, {"self_attn.v_proj", keys}},
                       c.qkv_bias);
  w.out = block.linear(queries, {{"self_attn.o_proj", d}}, c.out_bias);
  if (c.experts.in_layer(layer)) {
    w.experts = read_experts(block, c, v.experts);
    return w;
  }
  w.in = block.linear(d, {{"mlp.gate_proj", c.d_mlp}, {"mlp.up_proj", c.d_mlp}}, c.mlp_bias);
  w.mlp_out = block.linear(c.d_mlp, {{"mlp.down_proj", d}}, c.mlp_bias);
  return w;
}

}  // namespace

ModelConfig read_llama_config(const ConfigReader& reader, const std::string& family, bool tied_by_default) {
  ModelConfig config = read_decoder_config(reader, family, tied_by_default);
  if (reader.number_or("partial_rotary_factor", 1.0) != 1.0) {
    reader.refuse("partial_rotary_factor", "1: this family turns whole heads");
  }
  config.rotaries = {read_rotary(reader, config, config.d_head, reader.number_or("rope_theta", 10000.0))};
  return config;
}

ModelWeights load_llama_blocks(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype,
                               const LlamaVariant& variant) {
  const BlockReader whole(source, "", dtype);
  ModelWeights weights;
  weights.embed = whole.take("embed_tokens.weight", {c.d_vocab, c.d_model});
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    weights.blocks.push_back(load_block(source, layer, c, dtype, variant));
  }
  weights.unembed = read_unembed(whole, c, weights.embed, norm_of(whole, variant, "norm", c.d_model), "lm_head.weight");
  return weights;
}

Family llama_like(const std::string& name, ModelConfig (*read_config)(const Json&),
                  ModelWeights (*load)(const WeightSource&, const ModelConfig&, at::ScalarType)) {
  return {name, {"model.", ""}, {"lm_head.weight", "rotary_emb.inv_freq"}, read_config, load};
}

}  // namespace energy_lens
