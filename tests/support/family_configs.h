// One small configuration a family that takes its particular branches, with drawn weights.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "energy_lens/io/file.h"
#include "energy_lens/model/model.h"

namespace energy_lens::testing {

inline Json decoder_config(const std::string& type, Json extra = Json::object()) {
  Json config = {{"model_type", type},
                 {"hidden_size", 48},
                 {"intermediate_size", 80},
                 {"num_hidden_layers", 3},
                 {"num_attention_heads", 4},
                 {"num_key_value_heads", 2},
                 {"max_position_embeddings", 160},
                 {"vocab_size", 50}};
  config.update(extra);
  return config;
}

inline const std::map<std::string, Json>& family_configs() {
  static const std::map<std::string, Json> configs = [] {
    const Json gemma = {{"head_dim", 16}, {"sliding_window", 13}, {"query_pre_attn_scalar", 24}};
    Json gemma2 = gemma, gemma3 = gemma;
    gemma2.update({{"attn_logit_softcapping", 2.0}, {"final_logit_softcapping", 3.0}});
    gemma3.update({{"sliding_window_pattern", 2}});
    std::map<std::string, Json> made = {
        {"gpt2",
         {{"model_type", "gpt2"},
          {"n_embd", 48},
          {"n_layer", 3},
          {"n_head", 4},
          {"n_positions", 160},
          {"vocab_size", 50}}},
        {"gpt_neo",
         {{"model_type", "gpt_neo"},
          {"hidden_size", 48},
          {"num_layers", 2},
          {"num_heads", 4},
          {"max_position_embeddings", 160},
          {"vocab_size", 50},
          {"window_size", 9},
          {"attention_types", {{{"global", "local"}, 1}}}}},
        {"gpt_neox", decoder_config("gpt_neox", {{"num_key_value_heads", 4}, {"rotary_pct", 0.5}})},
        {"opt", decoder_config("opt", {{"ffn_dim", 80}, {"num_key_value_heads", 4}})},
        {"llama", decoder_config("llama", {{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}}}})},
        {"mistral", decoder_config("mistral", {{"sliding_window", 17}})},
        {"qwen2", decoder_config("qwen2", {{"tie_word_embeddings", true}})},
        {"qwen3", decoder_config("qwen3", {{"head_dim", 16}})},
        {"mixtral", decoder_config("mixtral", {{"num_local_experts", 4}, {"num_experts_per_tok", 2}})},
        {"qwen2_moe", decoder_config("qwen2_moe", {{"num_experts", 6},
                                                   {"num_experts_per_tok", 3},
                                                   {"moe_intermediate_size", 24},
                                                   {"mlp_only_layers", {1}},
                                                   {"shared_expert_intermediate_size", 40}})},
        {"qwen3_moe", decoder_config("qwen3_moe", {{"num_experts", 6},
                                                   {"num_experts_per_tok", 2},
                                                   {"head_dim", 16},
                                                   {"moe_intermediate_size", 24},
                                                   {"norm_topk_prob", true},
                                                   {"decoder_sparse_step", 2}})},
        {"gemma", decoder_config("gemma", {{"head_dim", 16}})},
        {"gemma2", decoder_config("gemma2", gemma2)},
        {"gemma3_text", decoder_config("gemma3_text", gemma3)},
        {"phi", decoder_config("phi", {{"partial_rotary_factor", 0.5}})},
        {"phi3", decoder_config("phi3", {{"sliding_window", 19}})},
        {"olmo2", decoder_config("olmo2")}};
    made["gemma3"] = {{"model_type", "gemma3"}, {"text_config", made.at("gemma3_text")}};
    return made;
  }();
  return configs;
}

inline std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& [name, config] : family_configs()) names.push_back(name);
  return names;
}

// A folder with the family's config.json and nothing else, which lives as long as the object.
class FamilyFolder {
 public:
  explicit FamilyFolder(const std::string& name) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("el_family_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    write_file(path_ / "config.json", family_configs().at(name).dump());
  }
  ~FamilyFolder() { std::filesystem::remove_all(path_); }
  FamilyFolder(const FamilyFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<const Model> random_family_model(const std::string& name, at::ScalarType dtype = at::kFloat) {
  LoadOptions options;
  options.dtype = dtype;
  options.random = RandomInit{.seed = 7, .scale = 0.15};
  return load_model(FamilyFolder(name).path(), options);
}

}  // namespace energy_lens::testing
