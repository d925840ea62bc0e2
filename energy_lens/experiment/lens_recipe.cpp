#include "energy_lens/experiment/lens_recipe.h"

#include <cmath>
#include <map>

#include "energy_lens/core/error.h"
#include "energy_lens/experiment/model_description.h"
#include "energy_lens/experiment/study_data.h"
#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/io/staged_folder.h"
#include "energy_lens/lens/sequence_difference.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"

namespace energy_lens {
namespace {

using Arrays = std::map<std::string, at::Tensor>;

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

// What compares a layer with the model's own prediction.
void add_comparisons(Json& json, const LensRows& rows) {
  json["cross_entropy"].push_back(nested(rows.cross_entropy));
  json["kl_to_final"].push_back(nested(rows.kl_to_final));
  json["depth_descent"].push_back(nested(rows.depth_descent));
}

// One row a layer under each quantity's name.
void add_scalars(Json& json, const LensRows& rows) {
  const at::Tensor energy = rows.energy.to(at::kDouble);
  json["energy"].push_back(nested(energy));
  if (energy.size(0) > 1) {
    json["forward_difference"].push_back(nested(forward_difference(energy)));
    json["backward_difference"].push_back(nested(backward_difference(energy)));
    json["central_difference"].push_back(nested(central_difference(energy)));
  }
  json["entropy"].push_back(nested(rows.entropy));
  json["margin"].push_back(nested(rows.margin));
  json["target_margin"].push_back(nested(rows.target_margin));
  json["rank"].push_back(nested(rows.rank));
  json["confidence"].push_back(nested(rows.confidence));
  json["free_energy"].push_back(nested(rows.free_energy));
  json["top_ids"].push_back(nested(rows.top_ids));
  json["top_log_probs"].push_back(nested(rows.top_log_probs));
}

LensKernel kernel_named(const std::string& name) {
  if (name == "rounded") return LensKernel::Rounded;
  return name == "best" ? LensKernel::Best : name == "generic" ? LensKernel::Generic : LensKernel::Reference;
}

void check_length(const GivenText& given, std::size_t tokens, const ModelConfig& model) {
  if (tokens <= static_cast<std::size_t>(model.n_ctx)) return;
  fail(ErrorKind::BadInput, "lens",
       "got " + std::to_string(tokens) + " tokens from " + given.place + ", expected at most " +
           std::to_string(model.n_ctx) + ", the context of this model; shorten or split the text");
}

class LensRun {
 public:
  LensRun(const LensConfig& config, Progress& progress)
      : config_(config), progress_(progress), chosen_(load_chosen(config)) {
    layers_ = chosen_layers("lens", *chosen_.model, config.layers);
    bos_ = config.bos || chosen_.tokenizer->adds_bos();
    if (bos_ && !chosen_.tokenizer->bos_id()) fail(ErrorKind::Usage, "lens", "--bos: this model has no BOS token");
  }

  Json run(const std::vector<GivenText>& texts) {
    Json json = head();
    // All before the first is run: a bad one among many costs no work.
    std::vector<Encoding> encodings;
    for (const GivenText& given : texts) encodings.push_back(encoded(given));
    progress_.begin("read the texts token by token", static_cast<std::int64_t>(texts.size()));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      progress_.check();
      json["texts"].push_back(text_json(texts[i].text, encodings[i], "text." + std::to_string(i)));
      progress_.advance(1);
    }
    return json;
  }

  const Arrays& arrays() const { return arrays_; }

 private:
  Json head() const {
    return {{"schema", "energy-lens/lens/1"},
            {"unit", "nats"},
            {"model", model_summary(*chosen_.model, config_.model)},
            {"dtype", config_.dtype},
            {"device", devices_used(config_)},
            {"seed", config_.seed},
            {"lens", config_.lens},
            {"kernel", config_.kernel},
            {"gradients", config_.gradients},
            {"bos", bos_},
            {"texts", Json::array()}};
  }

  Encoding encoded(const GivenText& given) const {
    Encoding encoding = chosen_.tokenizer->encode(given.text);
    if (bos_) {
      encoding.ids.insert(encoding.ids.begin(), *chosen_.tokenizer->bos_id());
      encoding.offsets.insert(encoding.offsets.begin(), {0, 0});
    }
    check_text("lens", given, encoding.ids, *chosen_.model);
    check_length(given, encoding.ids.size(), chosen_.model->config());
    return encoding;
  }

  Json text_json(const std::string& text, const Encoding& encoding, const std::string& name) {
    const TextLens lens = lens_of_text(*chosen_.model, encoding.ids, layers_, options());
    Json json = {
        {"text", text}, {"token_ids", encoding.ids}, {"tokens", token_strings(*chosen_.tokenizer, encoding.ids)}};
    json["offsets"] = encoding.offsets;
    json["layers"] = layers_;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      progress_.check();
      add_scalars(json, lens.rows[i]);
      if (!seed_compat()) add_comparisons(json, lens.rows[i]);
      add_tensors(json, name + ".layer." + std::to_string(layers_[i]), lens, i, encoding.ids);
    }
    json["token_nll"] = lens.nll;
    json["scored_tokens"] = lens.nll.size();
    json["nll"] = lens.mean_nll();
    json["perplexity"] = std::exp(lens.mean_nll());
    json["last_layer_max_difference"] = seed_compat() ? Json() : Json(lens.last_layer_difference);
    return json;
  }

  bool seed_compat() const { return config_.lens == "seed-compat"; }

  LensOptions options() const {
    const bool gradients = config_.gradients != "none";
    return {.top_k = config_.top_k,
            .gradient = gradients,
            .expected_gradient = gradients,
            .kernel = kernel_named(config_.kernel),
            .final_norm = !seed_compat()};
  }

  void add_tensors(Json& json, const std::string& name, const TextLens& lens, std::size_t i,
                   const std::vector<std::int64_t>& ids) {
    if (!config_.out.empty()) arrays_[name + ".resid"] = lens.resid[i];
    if (config_.gradients == "none") return;
    add_gradient(json, name, "gradient", lens.rows[i].gradient);
    add_gradient(json, name, "expected_gradient", lens.rows[i].expected_gradient);
    if (config_.gradients == "lens") return;
    // The last token has no loss, and none before it sees it: the stream the lens read is all that is needed.
    const std::vector<std::int64_t> scored(ids.begin(), ids.end() - 1), labels(ids.begin() + 1, ids.end());
    add_gradient(json, name, "full_own_gradient",
                 full_own_gradient(*chosen_.model, layers_[i], lens.resid[i], scored, labels));
    add_gradient(json, name, "full_total_gradient",
                 full_total_gradient(*chosen_.model, layers_[i], lens.resid[i], scored, labels));
  }

  // Norms go into the JSON, vectors [T - 1, D] into the arrays.
  void add_gradient(Json& json, const std::string& name, const std::string& kind, const at::Tensor& gradient) {
    json[kind + "_norm"].push_back(nested(gradient.to(at::kDouble).norm(2, {1})));
    if (!config_.out.empty()) arrays_[name + "." + kind] = gradient;
  }

  const LensConfig& config_;
  Progress& progress_;
  ChosenModel chosen_;
  std::vector<std::int64_t> layers_;
  bool bos_ = false;
  Arrays arrays_;
};

}  // namespace

Json run_lens(const LensConfig& config, Progress& progress) {
  check_ranges("lens", config);
  check_model_fields("lens", config);
  check_choice("lens", "gradients", config.gradients, {"none", "lens", "full"});
  check_choice("lens", "kernel", config.kernel, {"best", "rounded", "generic", "reference"});
  check_choice("lens", "lens", config.lens, {"logit", "seed-compat"});
  if (config.lens == "seed-compat" && (config.gradients != "none" || config.kernel != "best")) {
    fail(ErrorKind::Usage, "lens", "--lens seed-compat has one kernel and no gradients, expected neither option");
  }
  const std::vector<GivenText> texts = given_texts(config.text, config.texts);
  if (texts.empty()) fail(ErrorKind::Usage, "lens", "got no text, expected --text or --texts");
  LensRun lens(config, progress);
  const Json json = lens.run(texts);
  if (!config.out.empty()) {
    StagedFolder staged(config.out);
    write_file(staged.path() / "lens.json", json.dump() + "\n");
    write_safetensors(staged.path() / "arrays.safetensors", lens.arrays());
    staged.commit();
  }
  return json;
}

}  // namespace energy_lens
