// Qwen3-MoE (Yang et al. 2505.09388): Qwen3 with experts, none of them shared.
#include "energy_lens/model/families/qwen_windows.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const Json whole = with_defaults(json, {{"num_key_value_heads", 4}});
  const ConfigReader reader(whole);
  ModelConfig config = read_llama_config(reader, "qwen3_moe");
  config.qkv_bias = config.out_bias = reader.flag_or("attention_bias", false);
  set_uniform_window(reader, config, read_qwen_window(reader));
  config.experts = read_expert_config(reader, config, "num_experts", "moe_intermediate_size");
  config.experts.normalized = reader.flag_or("norm_topk_prob", false);
  set_qwen_expert_layers(reader, config.experts);
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {.head_norms = true});
}

}  // namespace

Family qwen3_moe_family() { return llama_like("qwen3_moe", read_config, load); }

}  // namespace energy_lens
