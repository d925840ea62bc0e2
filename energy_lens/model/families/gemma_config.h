// What the three generations of Gemma share: embeddings scaled by sqrt(D), tied unembedding, heads of 256 unless
// config.json says otherwise.
#pragma once
#include <cmath>

#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {

inline ModelConfig read_gemma_config(const Json& json, const std::string& family, int key_heads_when_absent) {
  const Json whole = with_defaults(json, {{"num_key_value_heads", key_heads_when_absent}, {"head_dim", 256}});
  const ConfigReader reader(whole);
  reader.expect_flag("use_bidirectional_attention", false, false);  // the lens predicts the next token
  ModelConfig config = read_llama_config(reader, family, true);
  config.embed_scale = std::sqrt(static_cast<double>(config.d_model));
  config.qkv_bias = config.out_bias = reader.flag_or("attention_bias", false);
  return config;
}

// Attention scaled by query_pre_attn_scalar^-1/2 and the soft-caps of scores, where there are any.
inline void read_gemma_attention(const ConfigReader& reader, ModelConfig& config, double cap_when_absent) {
  config.activation = reader.activation_or("hidden_activation", "gelu_pytorch_tanh");
  config.attention_scale = 1.0 / std::sqrt(reader.number_or("query_pre_attn_scalar", 256.0));
  config.attention_soft_cap = reader.number_or("attn_logit_softcapping", cap_when_absent);
}

}  // namespace energy_lens
