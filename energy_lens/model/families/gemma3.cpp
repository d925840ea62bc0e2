// Gemma 3 (Gemma Team 2503.19786), text part: Gemma 2 without soft-caps, with norms on queries and keys; five layers in
// six see a window and turn by a shorter rotary base.
#include "energy_lens/model/families/gemma_config.h"

namespace energy_lens {
namespace {

ModelConfig read_text_config(const Json& json) {
  const ConfigReader reader(json);
  reader.expect_none("attn_logit_softcapping", "the reference reads the soft-cap of scores and does not apply it");
  ModelConfig config = read_gemma_config(json, "gemma3_text", 4);
  read_gemma_attention(reader, config, 0.0);
  config.final_soft_cap = reader.number_or("final_logit_softcapping", 0.0);
  const std::int64_t period = reader.integer_or("sliding_window_pattern", 1, 1000, 6);
  set_windows(reader, config, read_window(reader, 4096), [&](std::int64_t layer) { return (layer + 1) % period != 0; });
  config.rotaries = {read_rotary(reader, config, config.d_head, reader.number_or("rope_theta", 1e6)),
                     plain_rotary(config.d_head, reader.number_or("rope_local_base_freq", 10000.0))};
  for (LayerAttention& layer : config.attention) layer.rotary = layer.window > 0 ? 1 : 0;
  return config;
}

// The models that also see images keep their text part's sizes inside; absent keys take the released 4B's values.
ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  Json text = {{"vocab_size", 262208},
               {"hidden_size", 2304},
               {"intermediate_size", 9216},
               {"num_hidden_layers", 26},
               {"num_attention_heads", 8},
               {"num_key_value_heads", 4},
               {"max_position_embeddings", 131072}};
  if (!reader.at("text_config").is_object()) reader.refuse("text_config", "an object");
  text.update(reader.at("text_config"));
  ConfigReader(text).expect_none("final_logit_softcapping", "the reference does not apply it to a model with images");
  ModelConfig config = read_text_config(text);
  config.family = "gemma3";
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {.norms_after = true, .offset_norms = true, .head_norms = true});
}

}  // namespace

Family gemma3_family() {
  return {"gemma3",
          {"language_model.model.", "model.language_model.", "language_model.", ""},
          {"lm_head.weight", "vision_tower.", "multi_modal_projector."},
          read_config,
          load};
}

Family gemma3_text_family() { return llama_like("gemma3_text", read_text_config, load); }

}  // namespace energy_lens
