#include "energy_lens/experiment/lens_sections.h"

#include <cmath>

#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"
#include "energy_lens/stats/bootstrap.h"
#include "energy_lens/stats/calibration.h"

namespace energy_lens {
namespace {

std::vector<double> doubles(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

Json calibration_json(const std::vector<double>& confidence, const std::vector<bool>& correct) {
  const Calibration c = calibration(confidence, correct);
  Json bins = Json::array();
  for (const CalibrationBin& bin : c.bins) {
    bins.push_back({{"count", bin.count}, {"mean_confidence", bin.mean_confidence}, {"accuracy", bin.accuracy}});
  }
  return {{"ece", c.ece}, {"brier", c.brier}, {"bins", bins}};
}

// Over every token that has one before it, as `energy-lens lens` does: the first after a BOS counts.
void add_behaviour(Json& text, const TextLens& lens) {
  const LensRows& last = lens.rows.back();
  const std::vector<double> confidence = doubles(last.confidence.clamp_max(1.0));
  std::vector<bool> correct;
  for (const double rank : doubles(last.rank)) correct.push_back(rank == 0);
  text["scored_tokens"] = lens.nll.size();
  text["nll"] = lens.mean_nll();
  text["perplexity"] = std::exp(lens.mean_nll());
  text["mean_confidence"] = mean_of(last.confidence);
  text["mean_entropy"] = mean_of(last.entropy);
  text["ece"] = calibration(confidence, correct).ece;
}

Json text_json(const StudyData& data, const std::string& source) {
  std::vector<std::int64_t> ids = with_bos(*data.tokenizer, source);
  const auto longest = static_cast<std::size_t>(data.model->config().n_ctx);
  const std::size_t cut = ids.size() > longest ? ids.size() - longest : 0;
  ids.resize(ids.size() - cut);
  const TextLens lens = lens_of_text(*data.model, ids, every_layer(*data.model));
  Json text = {{"text", source}, {"token_ids", ids}, {"tokens", token_strings(*data.tokenizer, ids)}};
  text["bos"] = data.first_position > 0;
  text["cut_tokens"] = cut;
  text["energy"] = Json::array();
  text["entropy"] = Json::array();
  for (const LensRows& rows : lens.rows) {
    text["energy"].push_back(doubles(rows.energy));
    text["entropy"].push_back(doubles(rows.entropy));
  }
  add_behaviour(text, lens);
  return text;
}

std::vector<double> column(const at::Tensor& profile, std::int64_t layer) { return doubles(profile.select(1, layer)); }

}  // namespace

Json texts_section(const StudyData& data, Progress& progress) {
  progress.begin("read the texts token by token", static_cast<std::int64_t>(data.texts.size()));
  Json texts = Json::array();
  for (const std::string& text : data.texts) {
    progress.check();
    texts.push_back(text_json(data, text));
    progress.advance(1);
  }
  return texts;
}

Json lens_section(const std::vector<const CorpusPass*>& passes, std::int64_t d_vocab, const StudyConfig& config) {
  std::vector<at::Tensor> energy, entropy, kl;
  std::vector<double> confidence;
  std::vector<bool> correct;
  double difference = 0.0;
  for (const CorpusPass* pass : passes) {
    energy.push_back(pass->profile.energy);
    entropy.push_back(pass->profile.entropy);
    kl.push_back(pass->profile.kl);
    confidence.insert(confidence.end(), pass->confidence.begin(), pass->confidence.end());
    correct.insert(correct.end(), pass->correct.begin(), pass->correct.end());
    difference = std::max(difference, pass->last_layer_max_difference);
  }
  const at::Tensor energies = at::cat(energy), entropies = at::cat(entropy), kls = at::cat(kl);
  const Resamples resamples = document_resamples(energies.size(0), config.bootstrap_options());
  Json json = {{"layers", Json::array()},    {"energy_mean", Json::array()},
               {"energy_ci", Json::array()}, {"entropy_mean", Json::array()},
               {"kl_mean", Json::array()},   {"last_layer_max_difference", difference}};
  for (std::int64_t layer = 0; layer < energies.size(1); ++layer) {
    json["layers"].push_back(layer);
    json["energy_mean"].push_back(energies.select(1, layer).mean().item<double>());
    json["energy_ci"].push_back(interval_json(bootstrap_mean(resamples, column(energies, layer))));
    json["entropy_mean"].push_back(entropies.select(1, layer).mean().item<double>());
    json["kl_mean"].push_back(kls.select(1, layer).mean().item<double>());
  }
  json["uniform_energy"] = std::log(static_cast<double>(d_vocab));
  json["calibration"] = calibration_json(confidence, correct);
  return json;
}

}  // namespace energy_lens
