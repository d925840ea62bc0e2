// Gemma 2 (Gemma Team 2408.00118): norms before and after each sublayer, soft-capped scores and logits, a sliding
// window in every second layer.
#include "energy_lens/model/families/gemma_config.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  ModelConfig config = read_gemma_config(json, "gemma2", 4);
  const auto cap_of = [&](const char* key, double absent) {
    return reader.is_null(key) ? 0.0 : reader.number_or(key, absent);
  };
  read_gemma_attention(reader, config, cap_of("attn_logit_softcapping", 50.0));
  config.final_soft_cap = cap_of("final_logit_softcapping", 30.0);
  set_windows(reader, config, read_window(reader, 4096), [](std::int64_t layer) { return layer % 2 == 0; });
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {.norms_after = true, .offset_norms = true});
}

}  // namespace

Family gemma2_family() { return llama_like("gemma2", read_config, load); }

}  // namespace energy_lens
