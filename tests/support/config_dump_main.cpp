// config_dump_main <folder> ...: what each folder's config.json is taken to mean, for scripts that compare it with
// other readers. For each folder one line, the ModelConfig as JSON, or the error's exit code and message.
#include <cstdio>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/model/config.h"

namespace {

using namespace energy_lens;

Json attention_json(const ModelConfig& c) {
  Json layers = Json::array();
  for (const LayerAttention& layer : c.attention)
    layers.push_back({{"window", layer.window}, {"rotary", layer.rotary}});
  return layers;
}

Json rotaries_json(const ModelConfig& c) {
  Json rotaries = Json::array();
  for (const RotaryConfig& rotary : c.rotaries) {
    rotaries.push_back({{"frequencies", rotary.inverse_frequencies}, {"factor", rotary.attention_factor}});
  }
  return rotaries;
}

Json experts_json(const ExpertConfig& e) {
  return {{"count", e.count},           {"per_token", e.per_token},
          {"width", e.width},           {"shared_width", e.shared_width},
          {"normalized", e.normalized}, {"layers", e.layers}};
}

Json config_json(const ModelConfig& c) {
  return {{"family", c.family},
          {"sizes", {c.n_layers, c.d_model, c.n_heads, c.n_kv_heads, c.d_head, c.d_mlp, c.n_ctx, c.d_vocab}},
          {"norm", {static_cast<int>(c.norm), c.norm_eps}},
          {"activation", static_cast<int>(c.activation)},
          {"gated_mlp", c.gated_mlp},
          {"parallel_residual", c.parallel_residual},
          {"tied_unembed", c.tied_unembed},
          {"biases", {c.qkv_bias, c.out_bias, c.mlp_bias}},
          {"embed_scale", c.embed_scale},
          {"attention_scale", c.attention_scale},
          {"soft_caps", {c.attention_soft_cap, c.final_soft_cap}},
          {"position_offset", c.position_offset},
          {"rotaries", rotaries_json(c)},
          {"attention", attention_json(c)},
          {"experts", experts_json(c.experts)}};
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    try {
      std::puts(config_json(read_model_config(argv[i])).dump().c_str());
    } catch (const Error& error) {
      std::printf("%d %s\n", static_cast<int>(error.kind()), error.what());
    }
  }
  return 0;
}
