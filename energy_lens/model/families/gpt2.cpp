// GPT-2 (Radford et al. 2019), as Hugging Face stores it: Conv1D matrices are [in, out], LayerNorm before each
// sublayer, learned positions, tied unembedding.
#include "energy_lens/core/error.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

bool flag(const Json& json, const char* key, bool fallback) {
  if (!json.contains(key)) return fallback;
  if (!json.at(key).is_boolean()) {
    fail(ErrorKind::BadInput, "load_model", std::string("config.json has \"") + key + "\" that is not true or false");
  }
  return json.at(key).get<bool>();
}

// Variants that would change the numbers silently are refused by name.
void refuse_variants(const Json& json) {
  if (!flag(json, "scale_attn_weights", true) || flag(json, "scale_attn_by_inverse_layer_idx", false) ||
      flag(json, "reorder_and_upcast_attn", false) || flag(json, "add_cross_attention", false)) {
    fail(ErrorKind::BadInput, "load_model",
         "config.json asks for a GPT-2 variant (unscaled, layer-scaled, upcast or cross attention) that is not built");
  }
}

ModelConfig read_config(const Json& json) {
  refuse_variants(json);
  ModelConfig config;
  config.family = "gpt2";
  config.n_layers = config_int(json, "n_layer", 1, 1000);
  config.d_model = config_int(json, "n_embd", 1, 1 << 17);
  config.n_heads = config_int(json, "n_head", 1, 1 << 12);
  config.n_ctx = config_int(json, "n_positions", 1, 1 << 24);
  config.d_vocab = config_int(json, "vocab_size", 2, 1 << 24);
  if (config.d_model % config.n_heads != 0) {
    fail(ErrorKind::BadInput, "load_model", "config.json has n_embd that n_head does not divide");
  }
  config.d_head = config.d_model / config.n_heads;
  const bool has_inner = json.contains("n_inner") && !json.at("n_inner").is_null();
  config.d_mlp = has_inner ? config_int(json, "n_inner", 1, 1 << 20) : 4 * config.d_model;
  config.norm_eps = json.value("layer_norm_epsilon", 1e-5);
  config.activation = json.value("activation_function", std::string("gelu_new"));
  config.tied_unembed = flag(json, "tie_word_embeddings", true);
  return config;
}

NormWeights norm(const WeightSource& source, const std::string& name, std::int64_t d) {
  return {source.take(name + ".weight", {d}, at::kFloat), source.take(name + ".bias", {d}, at::kFloat)};
}

BlockWeights block(const WeightSource& source, const ModelConfig& c, std::int64_t layer, at::ScalarType dtype) {
  const std::string at = "h." + std::to_string(layer) + ".";
  const std::int64_t d = c.d_model;
  BlockWeights w;
  w.attn_norm = norm(source, at + "ln_1", d);
  w.mlp_norm = norm(source, at + "ln_2", d);
  w.w_qkv = source.take(at + "attn.c_attn.weight", {d, 3 * d}, dtype);
  w.b_qkv = source.take(at + "attn.c_attn.bias", {3 * d}, dtype);
  w.w_out = source.take(at + "attn.c_proj.weight", {d, d}, dtype);
  w.b_out = source.take(at + "attn.c_proj.bias", {d}, dtype);
  w.w_in = source.take(at + "mlp.c_fc.weight", {d, c.d_mlp}, dtype);
  w.b_in = source.take(at + "mlp.c_fc.bias", {c.d_mlp}, dtype);
  w.w_mlp_out = source.take(at + "mlp.c_proj.weight", {c.d_mlp, d}, dtype);
  w.b_mlp_out = source.take(at + "mlp.c_proj.bias", {d}, dtype);
  return w;
}

ModelWeights load(const WeightSource& source, const ModelConfig& c, at::ScalarType dtype) {
  ModelWeights weights;
  weights.embed = source.take("wte.weight", {c.d_vocab, c.d_model}, dtype);
  weights.pos_embed = source.take("wpe.weight", {c.n_ctx, c.d_model}, dtype);
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) weights.blocks.push_back(block(source, c, layer, dtype));
  const NormWeights final_norm = norm(source, "ln_f", c.d_model);
  // Widened: logits rounded to bf16 would be off by 0.1 nats where they are large.
  const at::Tensor w_u = c.tied_unembed ? weights.embed.to(at::kFloat)
                                        : source.take("lm_head.weight", {c.d_vocab, c.d_model}, dtype).to(at::kFloat);
  weights.unembed = {NormKind::LayerNorm, c.norm_eps, final_norm.gamma, final_norm.beta, w_u, {}};
  return weights;
}

}  // namespace

Family gpt2_family() { return {"gpt2", {"", "transformer."}, read_config, load}; }

}  // namespace energy_lens
