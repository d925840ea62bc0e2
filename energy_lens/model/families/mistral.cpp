// Mistral (Jiang et al. 2310.06825): Llama with a sliding window in every layer where sliding_window says so.
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kWindowWhenAbsent = 4096;

ModelConfig read_config(const Json& json) {
  const ConfigReader reader(json);
  Json sizes = json;
  if (!reader.has("num_key_value_heads")) sizes["num_key_value_heads"] = 8;
  const ConfigReader filled(sizes);
  ModelConfig config = read_llama_config(filled, "mistral");
  // A null turns the window off; a missing key means the family's default.
  const bool off = json.contains("sliding_window") && json.at("sliding_window").is_null();
  const std::int64_t window = off ? 0 : reader.integer_or("sliding_window", 1, 1 << 26, kWindowWhenAbsent);
  set_windows(reader, config, window, [&](std::int64_t) { return true; });
  return config;
}

ModelWeights load(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype) {
  return load_llama_blocks(source, config, dtype, {});
}

}  // namespace

Family mistral_family() { return llama_like("mistral", read_config, load); }

}  // namespace energy_lens
