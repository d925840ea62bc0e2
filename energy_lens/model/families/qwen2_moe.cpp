// Qwen1.5-MoE and Qwen2-MoE (Yang et al. 2407.10671): Qwen2 with experts, one of which every token shares.
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const Json whole = with_defaults(json, {{"num_key_value_heads", 16}});
  const ConfigReader reader(whole);
  // The reference's attention kernels disagree about which layers the window holds in.
  reader.expect_flag("use_sliding_window", false, false);
  ModelConfig config = read_llama_config(reader, "qwen2_moe");
  config.qkv_bias = reader.flag_or("qkv_bias", true);
  config.experts = read_expert_config(reader, config, "num_experts", "moe_intermediate_size");
  config.experts.shared_width = reader.integer("shared_expert_intermediate_size", 1, 1 << 20);
  config.experts.normalized = reader.flag_or("norm_topk_prob", false);
  set_qwen_expert_layers(reader, config.experts);
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {});
}

}  // namespace

Family qwen2_moe_family() { return llama_like("qwen2_moe", read_config, load); }

}  // namespace energy_lens
