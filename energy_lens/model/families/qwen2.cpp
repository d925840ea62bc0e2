// Qwen2 and Qwen2.5 (Yang et al. 2407.10671, 2412.15115): Llama with biases on queries, keys and values, and a sliding
// window in the upper layers where use_sliding_window is set.
#include "energy_lens/model/families/qwen_windows.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const Json whole = with_defaults(json, {{"num_key_value_heads", 32}});
  const ConfigReader reader(whole);
  ModelConfig config = read_llama_config(reader, "qwen2");
  config.qkv_bias = true;
  set_qwen_windows(reader, config);
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {});
}

}  // namespace

Family qwen2_family() { return llama_like("qwen2", read_config, load); }

}  // namespace energy_lens
