#include "energy_lens/model/families/registry.h"

#include "energy_lens/core/error.h"

namespace energy_lens {

const std::vector<Family>& families() {
  static const std::vector<Family> list = {
      gpt2_family(),    gpt_neo_family(), gpt_neox_family(),    opt_family(),   llama_family(),     mistral_family(),
      mixtral_family(), qwen2_family(),   qwen2_moe_family(),   qwen3_family(), qwen3_moe_family(), gemma_family(),
      gemma2_family(),  gemma3_family(),  gemma3_text_family(), phi_family(),   phi3_family(),      olmo2_family()};
  return list;
}

const Family& family_named(const std::string& name) {
  std::string known;
  for (const Family& family : families()) {
    if (family.name == name) return family;
    known += (known.empty() ? "" : ", ") + family.name;
  }
  fail(ErrorKind::BadInput, "load_model", "config.json has model_type '" + name + "', expected one of " + known);
}

}  // namespace energy_lens
