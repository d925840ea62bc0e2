#include "energy_lens/model/formats/gguf_architecture.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/model/formats/stored_rows.h"

namespace energy_lens {
namespace {

void queries(const at::Tensor& stored, const at::Tensor& out, const Json& config) {
  copy_interleaved_heads(stored, out, config.at("num_attention_heads").get<std::int64_t>());
}

void keys(const at::Tensor& stored, const at::Tensor& out, const Json& config) {
  copy_interleaved_heads(stored, out, config.at("num_key_value_heads").get<std::int64_t>());
}

// Stored as 1 + w.
void minus_one(const at::Tensor& stored, const at::Tensor& out, const Json&) { out.copy_(stored - 1.0); }

// Stored as all queries, keys, values: [3, H, Dh, ...]; ours head by head: [H, 3, Dh, ...].
void head_by_head(const at::Tensor& stored, const at::Tensor& out, const Json& config) {
  const auto heads = config.at("num_attention_heads").get<std::int64_t>();
  const std::int64_t head = out.size(0) / heads / 3;
  out.view({heads, 3, head, -1}).copy_(stored.view({3, heads, head, -1}).transpose(0, 1));
}

using Names = std::vector<GgufTensorName>;

const Names kLlamaWhole = {{"token_embd", "embed_tokens"}, {"output_norm", "norm"}, {"output", "lm_head"}};
const Names kGemmaWhole = {{"token_embd", "embed_tokens"}, {"output_norm", "norm", minus_one}};
const Names kGpt2Whole = {
    {"token_embd", "wte"}, {"position_embd", "wpe"}, {"output_norm", "ln_f"}, {"output", "lm_head"}};
const Names kNeoxWhole = {{"token_embd", "embed_in"}, {"output_norm", "final_layer_norm"}, {"output", "embed_out"}};

const Names kMlp = {{"ffn_gate", "mlp.gate_proj"}, {"ffn_up", "mlp.up_proj"}, {"ffn_down", "mlp.down_proj"}};
const Names kAttention = {{"attn_q", "self_attn.q_proj"},
                          {"attn_k", "self_attn.k_proj"},
                          {"attn_v", "self_attn.v_proj"},
                          {"attn_output", "self_attn.o_proj"}};
const Names kRotatedInPairs = {{"attn_q", "self_attn.q_proj", queries},
                               {"attn_k", "self_attn.k_proj", keys},
                               {"attn_v", "self_attn.v_proj"},
                               {"attn_output", "self_attn.o_proj"}};
const Names kNorms = {{"attn_norm", "input_layernorm"}, {"ffn_norm", "post_attention_layernorm"}};
const Names kHeadNorms = {{"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"}};
const Names kNormsAfter = {{"post_attention_norm", "post_attention_layernorm"},
                           {"post_ffw_norm", "post_feedforward_layernorm"}};
const Names kGemmaNorms = {{"attn_norm", "input_layernorm", minus_one},
                           {"ffn_norm", "post_attention_layernorm", minus_one}};
const Names kGemma2Norms = {{"attn_norm", "input_layernorm", minus_one},
                            {"post_attention_norm", "post_attention_layernorm", minus_one},
                            {"ffn_norm", "pre_feedforward_layernorm", minus_one},
                            {"post_ffw_norm", "post_feedforward_layernorm", minus_one}};
const Names kGemmaHeadNorms = {{"attn_q_norm", "self_attn.q_norm", minus_one},
                               {"attn_k_norm", "self_attn.k_norm", minus_one}};
const Names kPhi3Block = {{"attn_qkv", "self_attn.qkv_proj"},
                          {"attn_output", "self_attn.o_proj"},
                          {"ffn_up", "mlp.gate_up_proj"},
                          {"ffn_down", "mlp.down_proj"}};
const Names kGpt2Block = {{"attn_norm", "ln_1"},
                          {"ffn_norm", "ln_2"},
                          {"attn_qkv", "attn.c_attn", nullptr, true},
                          {"attn_output", "attn.c_proj", nullptr, true},
                          {"ffn_up", "mlp.c_fc", nullptr, true},
                          {"ffn_down", "mlp.c_proj", nullptr, true}};
const Names kNeoxBlock = {{"attn_qkv", "attention.query_key_value", head_by_head},
                          {"attn_output", "attention.dense"},
                          {"ffn_up", "mlp.dense_h_to_4h"},
                          {"ffn_down", "mlp.dense_4h_to_h"}};

Names joined(const std::vector<Names>& parts) {
  Names all;
  for (const Names& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

const std::vector<GgufArchitecture>& architectures() {
  static const std::vector<GgufArchitecture> list = {
      {"llama", gguf_llama_config, "layers.", kLlamaWhole, joined({kNorms, kRotatedInPairs, kMlp})},
      {"qwen2", gguf_qwen2_config, "layers.", kLlamaWhole, joined({kNorms, kAttention, kMlp})},
      {"qwen3", gguf_qwen3_config, "layers.", kLlamaWhole, joined({kNorms, kHeadNorms, kAttention, kMlp})},
      {"gemma", gguf_gemma_config, "layers.", kGemmaWhole, joined({kGemmaNorms, kAttention, kMlp})},
      {"gemma2", gguf_gemma2_config, "layers.", kGemmaWhole, joined({kGemma2Norms, kAttention, kMlp})},
      {"gemma3", gguf_gemma3_config, "layers.", kGemmaWhole, joined({kGemma2Norms, kGemmaHeadNorms, kAttention, kMlp})},
      {"phi3", gguf_phi3_config, "layers.", kLlamaWhole, joined({kNorms, kPhi3Block})},
      {"olmo2", gguf_olmo2_config, "layers.", kLlamaWhole, joined({kNormsAfter, kHeadNorms, kAttention, kMlp})},
      {"gpt2", gguf_gpt2_config, "h.", kGpt2Whole, kGpt2Block},
      {"gptneox", gguf_gptneox_config, "layers.", kNeoxWhole, joined({kNorms, kNeoxBlock})}};
  return list;
}

}  // namespace

const GgufArchitecture& gguf_architecture(const GgufFile& file) {
  const Json value = file.value("general.architecture");
  const std::string name = value.is_string() ? value.get<std::string>() : "";
  std::string known;
  for (const GgufArchitecture& architecture : architectures()) {
    if (architecture.name == name) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture.name);
  }
  fail(ErrorKind::BadInput, "gguf",
       file.path().string() + " has general.architecture '" + utf8_prefix(name, 100) + "', expected one of " + known);
}

}  // namespace energy_lens
