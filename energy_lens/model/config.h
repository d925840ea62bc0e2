// What a model is: sizes and choices read from config.json, the same struct for every family.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace energy_lens {

enum class NormKind { LayerNorm, RmsNorm };

struct ModelConfig {
  std::string family;  // registry name, "gpt2"
  std::int64_t n_layers = 0, d_model = 0, n_heads = 0, d_head = 0, d_mlp = 0, n_ctx = 0, d_vocab = 0;
  double norm_eps = 1e-5;
  std::string activation = "gelu_new";
  NormKind norm = NormKind::LayerNorm;
  bool tied_unembed = true;
};

// Reads and checks <folder>/config.json. Errors: NotFound; BadInput (unknown family, missing or absurd sizes).
ModelConfig read_model_config(const std::filesystem::path& folder);

}  // namespace energy_lens
