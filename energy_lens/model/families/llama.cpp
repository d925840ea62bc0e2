// Llama 1 to 3 (Touvron et al. 2302.13971, 2307.09288; Dubey et al. 2407.21783).
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

// attention_bias and mlp_bias are the choices of config.json that the weights must agree with.
ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  reader.expect_flag("attention_bias", false, false);
  reader.expect_flag("mlp_bias", false, false);
  return read_llama_config(reader, "llama");
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {});
}

}  // namespace

Family llama_family() { return llama_like("llama", read_config, load); }

}  // namespace energy_lens
