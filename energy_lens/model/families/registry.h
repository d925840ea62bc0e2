// The families of models that can be loaded: one file each in this folder, one line each in registry.cpp.
#pragma once
#include <string>
#include <vector>

#include "energy_lens/io/file.h"
#include "energy_lens/model/config.h"
#include "energy_lens/model/weight_source.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

struct Family {
  std::string name;                   // config.json's model_type
  std::vector<std::string> prefixes;  // that exports put before tensor names
  std::vector<std::string> ignored;   // parts of names of tensors that change no logit (masks, unused heads)
  // Errors of both: BadInput naming the key or tensor.
  ModelConfig (*read_config)(const Json& json);
  ModelWeights (*load)(const WeightSource& source, const ModelConfig& config, at::ScalarType dtype);
};

const std::vector<Family>& families();
// Errors: BadInput naming the families there are.
const Family& family_named(const std::string& name);

// One a file of this folder, in the order of registry.cpp.
Family gpt2_family();
Family gpt_neo_family();
Family gpt_neox_family();
Family opt_family();
Family llama_family();
Family mistral_family();
Family mixtral_family();
Family qwen2_family();
Family qwen2_moe_family();
Family qwen3_family();
Family qwen3_moe_family();
Family gemma_family();
Family gemma2_family();
Family gemma3_family();
Family gemma3_text_family();
Family phi_family();
Family phi3_family();
Family olmo2_family();

}  // namespace energy_lens
