// Configurations of the GGUF architectures around Llama, in config.json's keys.
#include <string>

#include "energy_lens/model/formats/gguf_architecture.h"

namespace energy_lens {
namespace {

std::int64_t head_width(const GgufConfig& m) {
  const std::int64_t heads = m.integer("attention.head_count"), width = m.integer("embedding_length");
  if (heads == 0 || (!m.has("attention.key_length") && width % heads != 0)) {
    m.refuse("attention.head_count", "a divisor of embedding_length");
  }
  const std::int64_t head = m.integer_or("attention.key_length", width / heads);
  if (m.integer_or("attention.value_length", head) != head)
    m.refuse("attention.value_length", "the keys' " + std::to_string(head));
  return head;
}

// Positions stretched to longer contexts. A tensor of factors holds what its converter computed (Llama 3.1): the
// frequencies are divided by them, which is how config.json writes LongRoPE's.
void add_rope_scaling(const GgufConfig& m, Json& config) {
  const std::string kind = m.text_or("rope.scaling.type", "none");
  const double factor = m.number_or("rope.scaling.factor", m.number_or("rope.scale_linear", 1.0));
  const std::int64_t context = m.integer("context_length"),
                     original = m.integer_or("rope.scaling.original_context_length", context);
  if (m.file().tensors().contains("rope_freqs.weight")) {
    if (kind != "none") m.refuse("rope.scaling.type", "none beside a tensor rope_freqs.weight");
    config["rope_scaling"] = {
        {"rope_type", "longrope"}, {"short_factor", m.vector("rope_freqs.weight")}, {"attention_factor", 1.0}};
  } else if (kind == "yarn") {
    config["rope_scaling"] = {
        {"rope_type", "yarn"}, {"factor", factor}, {"original_max_position_embeddings", original}};
    if (m.has("rope.scaling.attn_factor")) m.refuse("rope.scaling.attn_factor", "none with yarn");
  } else if (kind == "linear" || (kind == "none" && factor != 1.0)) {
    config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", factor}};
  } else if (kind != "none") {
    m.refuse("rope.scaling.type", "none, linear or yarn");
  }
}

Json decoder_config(const GgufConfig& m, const char* family) {
  m.expect_integer("expert_count", 0);
  m.expect_integer("expert_used_count", 0);
  if (m.has("attention.causal") && m.file().value(std::string(family) + ".attention.causal") != true) {
    m.refuse("attention.causal", "true");
  }
  return {{"model_type", family},
          {"hidden_size", m.integer("embedding_length")},
          {"intermediate_size", m.integer("feed_forward_length")},
          {"num_hidden_layers", m.integer("block_count")},
          {"num_attention_heads", m.integer("attention.head_count")},
          {"num_key_value_heads", m.integer_or("attention.head_count_kv", m.integer("attention.head_count"))},
          {"head_dim", head_width(m)},
          {"max_position_embeddings", m.integer("context_length")},
          {"vocab_size", m.rows("token_embd.weight")},
          {"rms_norm_eps", m.number("attention.layer_norm_rms_epsilon")},
          {"rope_theta", m.number_or("rope.freq_base", 10000.0)},
          {"attention_bias", m.file().tensors().contains("blk.0.attn_q.bias")},
          {"tie_word_embeddings", !m.file().tensors().contains("output.weight")}};
}

Json rotated_config(const GgufConfig& m, const char* family) {
  Json config = decoder_config(m, family);
  m.expect_integer("rope.dimension_count", config.at("head_dim").get<std::int64_t>());
  add_rope_scaling(m, config);
  return config;
}

// The largest of a generation scales queries by (D / H)^-1/2, the others by Dh^-1/2; the file does not say.
void add_gemma_attention(const GgufConfig& m, Json& config, std::int64_t layers_of_largest) {
  const bool largest = m.integer("block_count") == layers_of_largest;
  config["query_pre_attn_scalar"] =
      largest ? m.integer("embedding_length") / m.integer("attention.head_count") : head_width(m);
  config["sliding_window"] = m.integer("attention.sliding_window");
}

}  // namespace

Json gguf_llama_config(const GgufConfig& m) { return rotated_config(m, "llama"); }
Json gguf_qwen2_config(const GgufConfig& m) { return rotated_config(m, "qwen2"); }
Json gguf_qwen3_config(const GgufConfig& m) { return rotated_config(m, "qwen3"); }
Json gguf_olmo2_config(const GgufConfig& m) { return rotated_config(m, "olmo2"); }
Json gguf_gemma_config(const GgufConfig& m) { return rotated_config(m, "gemma"); }

Json gguf_gemma2_config(const GgufConfig& m) {
  Json config = rotated_config(m, "gemma2");
  add_gemma_attention(m, config, 46);
  config["attn_logit_softcapping"] = m.number_or("attn_logit_softcapping", 50.0);
  config["final_logit_softcapping"] = m.number_or("final_logit_softcapping", 30.0);
  return config;
}

Json gguf_gemma3_config(const GgufConfig& m) {
  Json config = rotated_config(m, "gemma3");
  config["model_type"] = "gemma3_text";
  add_gemma_attention(m, config, 62);
  if (!m.has("rope.freq_base")) config["rope_theta"] = 1e6;
  return config;
}

Json gguf_phi3_config(const GgufConfig& m) {
  Json config = decoder_config(m, "phi3");
  const auto head = config.at("head_dim").get<std::int64_t>(), rotated = m.integer_or("rope.dimension_count", head);
  // Half a coordinate more, so that the share times the head's width rounds down to the width meant.
  if (rotated != head)
    config["partial_rotary_factor"] = (static_cast<double>(rotated) + 0.5) / static_cast<double>(head);
  if (m.has("attention.sliding_window") && m.integer("attention.sliding_window") > 0) {
    config["sliding_window"] = m.integer("attention.sliding_window");
  }
  const std::int64_t original = m.integer_or("rope.scaling.original_context_length", m.integer("context_length"));
  if (m.file().tensors().contains("rope_factors_short.weight")) {
    config["rope_scaling"] = {{"rope_type", "longrope"}, {"short_factor", m.vector("rope_factors_short.weight")}};
    config["original_max_position_embeddings"] = original;
    if (m.has("rope.scaling.attn_factor"))
      config["rope_scaling"]["attention_factor"] = m.number("rope.scaling.attn_factor");
  }
  return config;
}

}  // namespace energy_lens
