#include "energy_lens/experiment/lens_recipe.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/experiment/study_data.h"
#include "energy_lens/lens/sequence_difference.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"

namespace energy_lens {
namespace {

// Rows of numbers as JSON, one level a dimension; NaN becomes null when printed.
Json nested(const at::Tensor& values) {
  Json json = Json::array();
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    if (values.dim() > 1) {
      json.push_back(nested(values[i]));
    } else if (values.scalar_type() == at::kLong) {
      json.push_back(values[i].item<std::int64_t>());
    } else {
      json.push_back(values[i].item<double>());
    }
  }
  return json;
}

Json layer_json(std::int64_t layer, const LensRows& rows) {
  const at::Tensor energy = rows.energy.to(at::kDouble);
  Json json = {{"layer", layer}, {"energy", nested(energy)}};
  if (energy.size(0) > 1) {
    json["forward_difference"] = nested(forward_difference(energy));
    json["backward_difference"] = nested(backward_difference(energy));
    json["central_difference"] = nested(central_difference(energy));
  }
  json["cross_entropy"] = nested(rows.cross_entropy);
  json["entropy"] = nested(rows.entropy);
  json["kl_to_final"] = nested(rows.kl_to_final);
  json["margin"] = nested(rows.margin);
  json["target_margin"] = nested(rows.target_margin);
  json["rank"] = nested(rows.rank);
  json["confidence"] = nested(rows.confidence);
  json["free_energy"] = nested(rows.free_energy);
  json["depth_descent"] = nested(rows.depth_descent);
  if (rows.top_ids.defined()) {
    json["top_ids"] = nested(rows.top_ids);
    json["top_log_probs"] = nested(rows.top_log_probs);
  }
  return json;
}

LensKernel kernel_named(const std::string& name) {
  const auto found = std::ranges::find(kLensKernels, name);
  if (found == kLensKernels.end())
    fail(ErrorKind::Usage, "lens", "got kernel '" + name + "', expected best, generic or reference");
  return static_cast<LensKernel>(found - kLensKernels.begin());
}

struct LensContext : ChosenModel {
  std::vector<std::int64_t> layers;
};

Json text_json(const LensContext& context, const LensRecipe& recipe, const std::string& text) {
  const Encoding encoding = context.tokenizer->encode(text);
  std::vector<std::int64_t> ids = encoding.ids;
  if (recipe.bos) {
    if (!context.tokenizer->bos_id()) fail(ErrorKind::Usage, "lens", "--bos: this model has no BOS token");
    ids.insert(ids.begin(), *context.tokenizer->bos_id());
  }
  const LensOptions options = {.top_k = recipe.top_k, .kernel = kernel_named(recipe.kernel)};
  const TextLens lens = lens_of_text(*context.model, ids, context.layers, options);
  Json json = {{"text", text}, {"token_ids", ids}, {"tokens", token_strings(*context.tokenizer, ids)}};
  json["offsets"] = encoding.offsets;
  json["nll"] = lens.nll;
  json["last_layer_max_difference"] = lens.last_layer_difference;
  json["layers"] = Json::array();
  for (std::size_t i = 0; i < context.layers.size(); ++i) {
    json["layers"].push_back(layer_json(context.layers[i], lens.rows[i]));
  }
  return json;
}

}  // namespace

Json run_lens(const LensRecipe& recipe, const std::vector<std::string>& texts) {
  LensContext context{load_chosen(recipe.choice), {}};
  context.layers = recipe.layers.empty() ? every_layer(*context.model) : recipe.layers;
  Json json = {{"schema", "energy-lens/lens/1"},
               {"unit", "nats"},
               {"model", {{"family", context.model->config().family}, {"digest", context.model->digest()}}},
               {"dtype", recipe.choice.dtype},
               {"bos", recipe.bos},
               {"texts", Json::array()}};
  for (const std::string& text : texts) json["texts"].push_back(text_json(context, recipe, text));
  return json;
}

}  // namespace energy_lens
