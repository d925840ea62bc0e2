#include "energy_lens/experiment/model_description.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "energy_lens/lens/energy.h"
#include "energy_lens/model/checkpoint.h"
#include "energy_lens/model/families/registry.h"
#include "energy_lens/model/size.h"

namespace energy_lens {
namespace {

// What every run holds beside the model's own share: the lens, the program with its libraries, a piece of a file that
// is being read, and at each layer and token the numbers of the result, as JSON and as text.
std::int64_t shared_bytes(const ModelConfig& config, std::int64_t tokens) {
  constexpr std::int64_t kProgramBytes = std::int64_t{256} << 20, kResultBytes = 2048;
  return kLensBytes + kProgramBytes + (config.n_layers + 1) * tokens * kResultBytes;
}

Json experts_json(const ExpertConfig& experts) {
  return {{"count", experts.count},
          {"per_token", experts.per_token},
          {"width", experts.width},
          {"shared_width", experts.shared_width},
          {"layers", std::ranges::count(experts.layers, true)}};
}

}  // namespace

Json model_summary(const Model& model, const std::string& path) {
  const ModelConfig& c = model.config();
  return {{"name", std::filesystem::path(path).filename().string()},
          {"family", c.family},
          {"digest", model.digest()},
          {"config_digest", sha256_hex(Checkpoint(path).config().dump())},
          {"n_layers", c.n_layers},
          {"d_model", c.d_model},
          {"d_vocab", c.d_vocab},
          {"n_parameters", model.parameters()}};
}

Json describe_model(const ModelConfig& c, const ModelChoice& choice) {
  const std::int64_t tokens = std::min<std::int64_t>(c.n_ctx, 1024);
  const ModelSize size = model_size(c, parse_dtype(choice.dtype), tokens, at::get_num_threads());
  Json json = {{"source", choice.model},
               {"family", c.family},
               {"layers", c.n_layers},
               {"width", c.d_model},
               {"heads", c.n_heads},
               {"key_value_heads", c.n_kv_heads},
               {"head_width", c.d_head},
               {"mlp_width", c.d_mlp},
               {"context", c.n_ctx},
               {"vocabulary", c.d_vocab},
               {"parameters", size.parameters},
               {"dtype", choice.dtype},
               {"device", devices_used(choice)},
               {"weight_bytes", size.weight_bytes},
               {"working_bytes", size.working_bytes + shared_bytes(c, tokens)},
               {"working_tokens", tokens}};
  if (c.experts.count > 0) json["experts"] = experts_json(c.experts);
  return json;
}

Json describe_model_files(const ModelChoice& choice) {
  check_model_fields("model info", choice);
  const Checkpoint checkpoint(choice.model);
  const ModelConfig config = read_model_config(checkpoint);
  Json json = describe_model(config, choice);
  json["digest"] = checkpoint.weights(family_named(config.family).prefixes)->digest();
  return json;
}

}  // namespace energy_lens
