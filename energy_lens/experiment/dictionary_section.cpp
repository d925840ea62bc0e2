#include "energy_lens/experiment/dictionary_section.h"

#include "energy_lens/core/error.h"
#include "energy_lens/dictionary/learn_dictionary.h"
#include "energy_lens/dictionary/metrics.h"

namespace energy_lens {
namespace {

std::uint64_t layer_seed(const StudyConfig& config, std::int64_t layer) {
  return static_cast<std::uint64_t>(config.seed) * 1000 + static_cast<std::uint64_t>(layer);
}

std::int64_t train_rows(const StudyData& data, const StudyConfig& config) {
  return static_cast<std::int64_t>(data.of(Split::S).size()) * (config.window - 1 - data.first_position);
}

// Here, before the forward pass, the options are known that can be changed.
void check_tokens(const StudyData& data, const StudyConfig& config) {
  const std::int64_t tokens = train_rows(data, config);
  if (tokens >= config.atoms) return;
  fail(ErrorKind::BadInput, "study",
       "got " + std::to_string(tokens) + " tokens of --corpus to learn dictionaries from (those of split S, " +
           std::to_string(data.of(Split::S).size()) + " documents), expected at least one an atom, " +
           std::to_string(config.atoms) + ", and " + std::to_string(kSamplesPerAtom * config.atoms) +
           " to trust them; lower --atoms, or give a larger --corpus, --documents or --window");
}

double explained(const Dictionary& dictionary, const at::Tensor& x) {
  return reconstruction_metrics(x, decode(dictionary, dictionary.encode(x))).ev;
}

Json dictionary_json(const StudyData& data, const StudyConfig& config, const Dictionary& dictionary, std::int64_t layer,
                     const at::Tensor& heldout) {
  const SparseCodes codes = dictionary.encode(heldout);
  const ReconstructionMetrics m = reconstruction_metrics(heldout, decode(dictionary, codes));
  const auto random = random_dictionary(config.atoms, dictionary.mean(), config.active, layer_seed(config, layer));
  const std::int64_t rows = train_rows(data, config);
  return {{"layer", layer},
          {"kind", dictionary.kind()},
          {"atoms", config.atoms},
          {"active", config.active},
          {"train_rows", rows},
          {"heldout_rows", heldout.size(0)},
          {"ev", m.ev},
          {"ev_token", m.ev_token},
          {"nmse", m.nmse},
          {"l0", mean_active(codes)},
          {"dead_fraction", dead_fraction(codes, config.atoms)},
          {"random_ev", explained(*random, heldout)},
          {"few_samples", few_samples(rows, config.atoms)}};
}

}  // namespace

LayerDictionaries learn_dictionaries(const StudyData& data, const StudyConfig& config, Progress& progress) {
  check_tokens(data, config);
  LayerDictionaries dictionaries;
  CorpusPass train = capture_pass(data, config.layers, Split::S, progress);
  progress.begin("learn dictionaries", static_cast<std::int64_t>(config.layers.size()) * config.iterations);
  for (LayerActivations& layer : train.layers) {
    const at::Tensor rows = kept_rows(layer.resid, kept_positions(data, layer.resid.size(1)));
    layer.resid.reset();  // one copy at a time
    const LearnOptions options{config.atoms, config.active, config.iterations, layer_seed(config, layer.layer)};
    dictionaries.push_back(learn_dictionary(rows, options, progress));
  }
  return dictionaries;
}

Json dictionaries_section(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                          const CorpusPass& heldout) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < dictionaries.size(); ++i) {
    const LayerActivations& layer = heldout.layers[i];
    rows.push_back(dictionary_json(data, config, *dictionaries[i], layer.layer,
                                   kept_rows(layer.resid, kept_positions(data, layer.resid.size(1)))));
  }
  return rows;
}

}  // namespace energy_lens
