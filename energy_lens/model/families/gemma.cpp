// Gemma 1 (Gemma Team 2403.08295): Llama with (1 + w) norms, scaled embeddings and a GELU gate.
#include "energy_lens/model/families/gemma_config.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  ModelConfig config = read_gemma_config(json, "gemma", 16);
  // The reference passes over hidden_activation, which the next generations read.
  config.activation = ConfigReader(json).activation_or("hidden_act", "gelu_pytorch_tanh");
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {.offset_norms = true});
}

}  // namespace

Family gemma_family() { return llama_like("gemma", read_config, load); }

}  // namespace energy_lens
