// Phi-3 and 4 (Abdin et al. 2404.14219): Llama whose projections are stored joined, with LongRoPE and a sliding window
// in some sizes.
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

// The first files call longrope by other names, and the reference takes them for it in this family alone.
Json with_longrope_named(Json json) {
  if (!json.contains("rope_scaling") || !json.at("rope_scaling").is_object()) return json;
  Json& scaling = json["rope_scaling"];
  for (const char* const key : {"rope_type", "type"}) {
    if (!scaling.contains(key)) continue;
    if (scaling.at(key) == "su" || scaling.at(key) == "yarn") scaling[key] = "longrope";
    if (scaling.at(key) != "longrope" && scaling.at(key) != "default") {
      ConfigReader(json).refuse("rope_scaling", "rope_type longrope, the only one of this family");
    }
  }
  return json;
}

ModelConfig read_config(const Json& json) {
  const Json whole = with_longrope_named(with_defaults(json, {{"original_max_position_embeddings", 4096}}));
  const ConfigReader reader(whole);
  reader.expect_flag("attention_bias", false, false);
  ModelConfig config = read_decoder_config(reader, "phi3", false);
  config.norm_eps = reader.number_or("rms_norm_eps", 1e-5);
  config.rotaries = {read_partial_rotary(reader, config, reader.number_or("partial_rotary_factor", 1.0),
                                         reader.number_or("rope_theta", 10000.0))};
  set_uniform_window(reader, config, read_window(reader, 0));
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
    w.attn_norm = block.norm("input_layernorm", d, false);
    w.mlp_norm = block.norm("post_attention_layernorm", d, false);
    w.qkv = block.linear(d, {{"self_attn.qkv_proj", queries + 2 * keys}}, false);
    w.out = block.linear(queries, {{"self_attn.o_proj", d}}, false);
    w.in = block.linear(d, {{"mlp.gate_up_proj", 2 * c.d_mlp}}, false);
    w.mlp_out = block.linear(c.d_mlp, {{"mlp.down_proj", d}}, false);
  }
  weights.unembed = read_unembed(whole, c, weights.embed, whole.norm("norm", d, false), "lm_head.weight");
  return weights;
}

}  // namespace

Family phi3_family() { return llama_like("phi3", read_config, load); }

}  // namespace energy_lens
