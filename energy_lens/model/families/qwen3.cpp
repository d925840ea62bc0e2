// Qwen3 (Yang et al. 2505.09388): Qwen2 with RMSNorm on the queries and keys of each head, and biases only where
// attention_bias is set.
#include "energy_lens/model/families/qwen_windows.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const Json whole = with_defaults(json, {{"num_key_value_heads", 32}, {"head_dim", 128}});
  const ConfigReader reader(whole);
  ModelConfig config = read_llama_config(reader, "qwen3");
  config.qkv_bias = config.out_bias = reader.flag_or("attention_bias", false);
  set_qwen_windows(reader, config);
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {.head_norms = true});
}

}  // namespace

Family qwen3_family() { return llama_like("qwen3", read_config, load); }

}  // namespace energy_lens
