// Mistral (Jiang et al. 2310.06825): Llama with a sliding window in every layer where sliding_window says so.
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kWindowWhenAbsent = 4096;

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  const Json whole = with_defaults(json, {{"num_key_value_heads", 8}});
  ModelConfig config = read_llama_config(ConfigReader(whole), "mistral");
  set_uniform_window(reader, config, read_window(reader, kWindowWhenAbsent));
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {});
}

}  // namespace

Family mistral_family() { return llama_like("mistral", read_config, load); }

}  // namespace energy_lens
