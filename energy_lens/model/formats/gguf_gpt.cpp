// Configurations of the GGUF architectures with LayerNorm, in config.json's keys.
#include "energy_lens/model/formats/gguf_architecture.h"

namespace energy_lens {

Json gguf_gpt2_config(const GgufConfig& m) {
  const std::int64_t heads = m.integer("attention.head_count");
  if (m.integer_or("attention.head_count_kv", heads) != heads)
    m.refuse("attention.head_count_kv", "as many as head_count");
  const std::int64_t context = m.rows("position_embd.weight");
  if (m.integer("context_length") != context)
    m.refuse("context_length", std::to_string(context) + ", the learned positions");
  return {{"model_type", "gpt2"},
          {"n_embd", m.integer("embedding_length")},
          {"n_inner", m.integer("feed_forward_length")},
          {"n_layer", m.integer("block_count")},
          {"n_head", heads},
          {"n_positions", context},
          {"vocab_size", m.rows("token_embd.weight")},
          {"layer_norm_epsilon", m.number("attention.layer_norm_epsilon")},
          {"activation_function", "gelu_new"},
          {"tie_word_embeddings", !m.file().tensors().contains("output.weight")}};
}

Json gguf_gptneox_config(const GgufConfig& m) {
  const std::int64_t heads = m.integer("attention.head_count"), width = m.integer("embedding_length");
  if (heads == 0 || width % heads != 0) m.refuse("attention.head_count", "a divisor of embedding_length");
  if (m.integer_or("attention.head_count_kv", heads) != heads)
    m.refuse("attention.head_count_kv", "as many as head_count");
  const double rotated = static_cast<double>(m.integer("rope.dimension_count"));
  const bool parallel = !m.has("use_parallel_residual") || m.file().value("gptneox.use_parallel_residual") == true;
  return {{"model_type", "gpt_neox"},
          {"hidden_size", width},
          {"intermediate_size", m.integer("feed_forward_length")},
          {"num_hidden_layers", m.integer("block_count")},
          {"num_attention_heads", heads},
          {"num_key_value_heads", heads},
          {"max_position_embeddings", m.integer("context_length")},
          {"vocab_size", m.rows("token_embd.weight")},
          {"layer_norm_eps", m.number("attention.layer_norm_epsilon")},
          // Half a coordinate more, so that the share times the head's width rounds down to the width meant.
          {"rotary_pct", (rotated + 0.5) / static_cast<double>(width / heads)},
          {"rope_theta", m.number_or("rope.freq_base", 10000.0)},
          {"use_parallel_residual", parallel},
          {"tie_word_embeddings", !m.file().tensors().contains("output.weight")}};
}

}  // namespace energy_lens
