// Llama 1 to 3 (Touvron et al. 2302.13971, 2307.09288; Dubey et al. 2407.21783).
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  ModelConfig config = read_llama_config(reader, "llama");
  config.qkv_bias = config.out_bias = reader.flag_or("attention_bias", false);
  config.mlp_bias = reader.flag_or("mlp_bias", false);
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {});
}

}  // namespace

Family llama_family() { return llama_like("llama", read_config, load); }

}  // namespace energy_lens
