// What the families around Llama share: names of tensors, RMSNorm, rotary positions, gated MLP. Each family's file says
// where it departs.
#pragma once
#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"
#include "energy_lens/model/families/expert_reader.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {

struct LlamaVariant {
  bool norms_before = true;       // input_layernorm before attention, the MLP's norm before the MLP
  bool norms_after = false;       // post_attention_layernorm and post_feedforward_layernorm on what they give back
  bool offset_norms = false;      // weights store w of (1 + w)
  bool head_norms = false;        // q_norm and k_norm of each head
  bool projection_norms = false;  // q_norm and k_norm of the whole projection
  ExpertNames experts = {};       // of the layers that have them
};

// rms, rotary of the whole head by rope_theta and rope_scaling.
ModelConfig read_llama_config(const ConfigReader& reader, const std::string& family, bool tied_by_default = false);

ModelWeights load_llama_blocks(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype,
                               const LlamaVariant& variant);

// Names under which these families' exports keep their tensors, and those that change no logit.
Family llama_like(const std::string& name, ModelConfig (*read_config)(const Json&),
                  ModelWeights (*load)(const WeightSource&, const ModelConfig&, at::ScalarType));

}  // namespace energy_lens
