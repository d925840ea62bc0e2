// Mixtral (Jiang et al. 2401.04088): Mistral whose MLPs are mixtures of experts.
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  const Json whole = with_defaults(json, {{"num_key_value_heads", 8}, {"rope_theta", 1e6}, {"rms_norm_eps", 1e-5}});
  ModelConfig config = read_llama_config(ConfigReader(whole), "mixtral");
  set_uniform_window(reader, config, read_window(reader, 0));
  config.experts = read_expert_config(reader, config, "num_local_experts", "intermediate_size");
  config.experts.normalized = true;
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype,
                           {.experts = {.block = "block_sparse_moe.", .gate = "w1", .up = "w3", .down = "w2"}});
}

}  // namespace

Family mixtral_family() { return llama_like("mixtral", read_config, load); }

}  // namespace energy_lens
