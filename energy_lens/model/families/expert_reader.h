// Reads the experts of one layer; families differ in the names alone.
#pragma once
#include <string>

#include "energy_lens/model/families/block_reader.h"
#include "energy_lens/model/families/config_reader.h"

namespace energy_lens {

struct ExpertNames {
  std::string block = "mlp.";  // before each of these
  std::string router = "gate", experts = "experts.", gate = "gate_proj", up = "up_proj", down = "down_proj";
  std::string shared = "shared_expert.", shared_gate = "shared_expert_gate";
};

// count, per_token and width from the keys given; experts in every layer.
ExpertConfig read_expert_config(const ConfigReader& reader, const ModelConfig& config, const char* count_key,
                                const char* width_key);
// Qwen's choice of layers: those that decoder_sparse_step divides (counted from 1) and mlp_only_layers does not list.
void set_qwen_expert_layers(const ConfigReader& reader, ExpertConfig& experts);

ExpertWeights read_experts(const BlockReader& block, const ModelConfig& config, const ExpertNames& names);

}  // namespace energy_lens
