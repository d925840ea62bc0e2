// OLMo 2 (OLMo Team 2501.00656): Llama with the norms on what attention and MLP give back, and on the whole query and
// key projections.
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  ModelConfig config = read_llama_config(reader, "olmo2");
  config.norm_eps = reader.number_or("rms_norm_eps", 1e-5);
  config.qkv_bias = config.out_bias = reader.flag_or("attention_bias", false);
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype,
                           {.norms_before = false, .norms_after = true, .projection_norms = true});
}

}  // namespace

Family olmo2_family() { return llama_like("olmo2", read_config, load); }

}  // namespace energy_lens
