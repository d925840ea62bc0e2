// What a model is: sizes and choices in config.json's terms, the same struct for every family.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "energy_lens/model/rotary.h"

namespace energy_lens {

enum class NormKind { LayerNorm, RmsNorm };
enum class ActivationKind { GeluTanh, GeluErf, Relu, Silu };

// How one layer attends.
struct LayerAttention {
  std::int64_t window = 0;  // keys a query sees, itself included; 0: all before it
  std::size_t rotary = 0;   // index into ModelConfig::rotaries
};

// Layers whose MLP is a mixture of experts (experts.h).
struct ExpertConfig {
  std::int64_t count = 0, per_token = 0;     // E experts, k of them for each token; 0: no layer has any
  std::int64_t width = 0, shared_width = 0;  // Me of each, Ms of the one that all tokens share (0: none)
  bool normalized = false;                   // the k weights of a token add up to 1
  std::vector<bool> layers;                  // one a layer where count > 0
  bool in_layer(std::int64_t layer) const { return count > 0 && layers[static_cast<std::size_t>(layer)]; }
};

struct ModelConfig {
  std::string family;  // registry name, "gpt2"
  std::int64_t n_layers = 0, d_model = 0, n_heads = 0, n_kv_heads = 0, d_head = 0, d_mlp = 0, n_ctx = 0, d_vocab = 0;
  double norm_eps = 1e-5;
  NormKind norm = NormKind::LayerNorm;
  ActivationKind activation = ActivationKind::GeluTanh;
  bool gated_mlp = false;          // act(x W_gate) * (x W_up)
  bool parallel_residual = false;  // the MLP reads the stream that entered the block
  bool tied_unembed = true;
  bool qkv_bias = false, out_bias = false, mlp_bias = false;  // in families that do not fix them
  double embed_scale = 1.0;                                   // token embeddings are multiplied by it
  double attention_scale = 1.0;                               // queries times keys are multiplied by it
  double attention_soft_cap = 0.0;                            // c tanh(x / c) of attention scores; 0: none
  double final_soft_cap = 0.0;                                // the same of the logits
  std::int64_t position_offset = 0;                           // row of the learned positions that position 0 takes
  std::vector<RotaryConfig> rotaries;                         // empty: no rotation
  std::vector<LayerAttention> attention;                      // one a layer
  ExpertConfig experts;
};

// What a checkpoint, a folder or one file (checkpoint.h), says of its model. Errors: NotFound; BadInput (unknown
// family, missing or absurd sizes, a variant that is not built).
ModelConfig read_model_config(const std::filesystem::path& folder);

}  // namespace energy_lens
