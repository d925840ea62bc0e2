#include "energy_lens/model/families/expert_reader.h"

#include <algorithm>

namespace energy_lens {
namespace {

GatedWeights read_gated(const BlockReader& block, std::int64_t d_model, std::int64_t width, const ExpertNames& names,
                        const std::string& prefix) {
  return {block.linear(d_model, {{prefix + names.gate, width}, {prefix + names.up, width}}, false),
          block.linear(width, {{prefix + names.down, d_model}}, false)};
}

}  // namespace

ExpertConfig read_expert_config(const ConfigReader& reader, const ModelConfig& config, const char* count_key,
                                const char* width_key) {
  ExpertConfig experts;
  experts.count = reader.integer(count_key, 1, 1 << 12);
  experts.per_token = reader.integer("num_experts_per_tok", 1, experts.count);
  experts.width = reader.integer(width_key, 1, 1 << 20);
  experts.layers.assign(static_cast<std::size_t>(config.n_layers), true);
  return experts;
}

void set_qwen_expert_layers(const ConfigReader& reader, ExpertConfig& experts) {
  const auto layers = static_cast<std::int64_t>(experts.layers.size());
  const std::int64_t step = reader.integer_or("decoder_sparse_step", 1, 1 << 20, 1);
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    experts.layers[static_cast<std::size_t>(layer)] = (layer + 1) % step == 0;
  }
  if (!reader.has("mlp_only_layers")) return;
  for (const Json& layer : reader.at("mlp_only_layers")) {
    if (!layer.is_number_unsigned()) reader.refuse("mlp_only_layers", "a list of layer numbers");
    const auto dense = layer.get<std::uint64_t>();
    if (dense < experts.layers.size()) experts.layers[dense] = false;
  }
}

// The router and the shared expert's gate stay fp32: rounded, they would send tokens to other experts.
ExpertWeights read_experts(const BlockReader& block, const ModelConfig& config, const ExpertNames& names) {
  const BlockReader reader = block.at(names.block);
  const ExpertConfig& sizes = config.experts;
  ExpertWeights experts;
  experts.router.w = reader.take_fp32(names.router + ".weight", {sizes.count, config.d_model}).t();
  for (std::int64_t i = 0; i < sizes.count; ++i) {
    const std::string prefix = names.experts + std::to_string(i) + ".";
    experts.routed.push_back(read_gated(reader, config.d_model, sizes.width, names, prefix));
  }
  if (sizes.shared_width == 0) return experts;
  experts.shared = read_gated(reader, config.d_model, sizes.shared_width, names, names.shared);
  experts.shared_gate.w = reader.take_fp32(names.shared_gate + ".weight", {1, config.d_model}).t();
  return experts;
}

}  // namespace energy_lens
