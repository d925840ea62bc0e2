#include "energy_lens/experiment/study.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <ctime>
#include <limits>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/dictionary/learn_dictionary.h"
#include "energy_lens/experiment/attractor_section.h"
#include "energy_lens/experiment/edit_agreement.h"
#include "energy_lens/experiment/findings.h"
#include "energy_lens/experiment/hypotheses.h"
#include "energy_lens/experiment/intervention_section.h"
#include "energy_lens/experiment/kept_parts.h"
#include "energy_lens/experiment/lens_sections.h"
#include "energy_lens/experiment/model_description.h"
#include "energy_lens/experiment/study_output.h"
#include "energy_lens/kernels/torch_free/row_kernels.h"
#include "energy_lens/report/report.h"

namespace energy_lens {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// Times stages under their names.
class Stopwatch {
 public:
  explicit Stopwatch(Json& seconds) : seconds_(seconds) {}
  template <class Work>
  auto operator()(const char* stage, Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    auto result = work();
    seconds_[stage] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
  }

 private:
  Json& seconds_;
};

// Parameters that decide numbers. Where output goes and how many threads work do not.
Json scientific_parameters(const StudyConfig& config) {
  Json json = config_to_json(config);
  for (const char* name : {"out", "threads", "model", "tokenizer", "text", "texts", "corpus"}) json.erase(name);
  return json;
}

// What decides numbers and is no parameter.
Json protocol_json() {
  const EfasOptions efas;
  return {{"least_documents", efas.min_documents},
          {"least_tokens", efas.min_tokens},
          {"least_active_tokens", efas.min_active_tokens},
          {"least_active_documents", efas.min_active_documents},
          {"least_edited_documents", kLeastEditedDocuments},
          {"level", efas.level},
          {"control_draws", efas.control_draws},
          {"samples_per_atom", kSamplesPerAtom},
          {"doses", intervention_doses()}};
}

std::string token_digest(const StudyData& data) {
  std::string ids;
  for (const Window& window : data.windows) {
    for (const std::int64_t id : window.ids) ids += std::to_string(id) + ' ';
    ids += '\n';
  }
  return sha256_hex(ids);
}

Json corpus_json(const StudyData& data, const StudyConfig& config) {
  Json strata = Json::object(), splits = Json::object();
  for (const Window& window : data.windows) {
    const std::string name = window.stratum.empty() ? "(none)" : window.stratum;
    strata[name] = strata.value(name, 0) + 1;
  }
  for (const Split split : {Split::S, Split::A, Split::B}) {
    const auto documents = static_cast<std::int64_t>(data.of(split).size());
    splits[split_name(split)] = {{"documents", documents}, {"tokens", documents * config.window}};
  }
  const auto documents = static_cast<std::int64_t>(data.windows.size());
  return {{"path", std::filesystem::path(config.corpus).filename().string()},
          {"digest", data.corpus_digest},
          {"token_digest", token_digest(data)},
          {"documents_read", data.documents_read},
          {"documents_too_short", data.documents_too_short},
          {"documents_repeated", data.documents_repeated},
          {"documents_similar", data.documents_similar},
          {"documents", documents},
          {"tokens", documents * config.window},
          {"window", config.window},
          {"first_position", data.first_position},
          {"strata", strata},
          {"splits", splits}};
}

Json head(const StudyData& data, const StudyConfig& config, const StudyEnvironment& environment) {
  const Json parameters = scientific_parameters(config), protocol = protocol_json();
  Json results;
  results["schema"] = kResultsSchema;
  // Numbers from a model of this size must not be read as statements about GPT-2.
  const bool small = data.model->parameters() < 50'000'000;
  results["title"] = "Energy-Lens study of " + std::filesystem::path(config.model).filename().string() +
                     (small ? " (tiny model)" : "");
  results["execution"] = {{"created", utc_now()},
                          {"command", environment.command},
                          {"threads", at::get_num_threads()},
                          {"seconds", Json::object()},
                          {"peak_mb", nullptr}};
  results["run"] = {{"version", environment.version},
                    {"git_commit", environment.git_commit},
                    {"seed", config.seed},
                    {"device", devices_used(config)},
                    {"dtype", config.dtype},
                    {"parameters", parameters},
                    {"protocol", protocol},
                    // Fixed before split B is read.
                    {"parameters_digest", sha256_hex(parameters.dump() + protocol.dump())}};
  results["model"] = model_summary(*data.model, config.model);
  results["corpus"] = corpus_json(data, config);
  results["warnings"] = Json::array();
  return results;
}

// What two runs must share for the parts of one to serve the other: all that decides numbers, the program, and the
// kernels that bf16 numbers depend on.
std::string parts_key(const Json& results) {
  Json decides = results;
  decides.erase("execution");
  decides.erase("texts");
  return sha256_hex(decides.dump() + best_row_kernels().name + name_of(best_row_kernels().unit));
}

Json interventions(const StudyData& data, const StudyConfig& config, const LayerDictionaries& dictionaries,
                   const std::vector<LayerAlignment>& alignments, const KeptParts& kept, Progress& progress) {
  std::vector<Json> layers;
  for (std::size_t i = 0; i < alignments.size(); ++i) {
    layers.push_back(kept.section(interventions_part(i), [&] {
      return layer_interventions(data, config, *dictionaries[i], alignments[i], progress);
    }));
  }
  return joined_interventions(config, layers);
}

std::map<std::string, at::Tensor> arrays_of(const StudyConfig& config, const LayerDictionaries& dictionaries,
                                            const CorpusPass& a, const CorpusPass& b) {
  std::map<std::string, at::Tensor> arrays;
  for (std::size_t i = 0; i < dictionaries.size(); ++i) {
    const std::string layer = "layer." + std::to_string(config.layers[i]);
    arrays[layer + ".atoms"] = dictionaries[i]->atoms();
    arrays[layer + ".mean"] = dictionaries[i]->mean();
  }
  arrays["energy_by_document.A"] = a.profile.energy;
  arrays["energy_by_document.B"] = b.profile.energy;
  return arrays;
}

std::string summary_of(const Json& results) {
  const Json& lens = results.at("lens");
  const Json& corpus = results.at("corpus");
  std::string text = results.at("title").get<std::string>() + "\n" +
                     std::to_string(corpus.at("documents").get<std::int64_t>()) + " documents, " +
                     std::to_string(corpus.at("tokens").get<std::int64_t>()) + " tokens, mean energy " +
                     std::to_string(lens.at("energy_mean").front().get<double>()) + " (layer 0) to " +
                     std::to_string(lens.at("energy_mean").back().get<double>()) + " nats (last layer)";
  for (const Json& row : results.at("hypotheses")) {
    const auto verdict = row.at("verdict").get<std::string>();
    if (!verdict.starts_with("not run")) text += "\n" + row.at("id").get<std::string>() + ": " + verdict;
  }
  return text;
}

}  // namespace

StudyOutcome run_study(const StudyConfig& asked, const StudyEnvironment& environment, Progress& progress) {
  check_config(asked);
  const StudyData data = load_study_data(asked, progress);
  StudyConfig config = asked;
  config.layers = chosen_layers("study", *data.model, asked.layers);
  Json results = head(data, config, environment);
  Json seconds = Json::object();
  Stopwatch timed(seconds);
  results["texts"] = timed("texts", [&] { return texts_section(data, progress); });
  const KeptParts kept(config.out, parts_key(results));
  if (const std::string found = kept.found(config.layers); !found.empty()) progress.note("Resuming: " + found);
  const LayerDictionaries dictionaries = timed("dictionaries", [&] {
    return kept.dictionaries(config.layers.size(), [&] { return learn_dictionaries(data, config, progress); });
  });
  const CorpusPass a = timed("energies_a", [&] { return lens_pass(data, config.layers, Split::A, progress); });
  const CorpusPass b = timed("energies_b", [&] { return lens_pass(data, config.layers, Split::B, progress); });
  results["lens"] = lens_section({&a, &b}, data.model->config().d_vocab, config);
  results["dictionaries"] = dictionaries_section(data, config, dictionaries, a);
  const auto alignments =
      timed("alignment", [&] { return align_features(data, config, dictionaries, a, b, progress); });
  results["efas"] = efas_section(alignments);
  results["seed_compat"] = seed_compat_section(data, config, dictionaries, progress);
  results["interventions"] =
      timed("interventions", [&] { return interventions(data, config, dictionaries, alignments, kept, progress); });
  results["attractors"] = timed("attractors", [&] {
    return kept.section(kAttractorsPart, [&] { return attractors_section(data, config, progress); });
  });
  // NaN is null from here on, as for every reader of the file.
  results = Json::parse(results.dump());
  results["hypotheses"] = hypotheses_section(results);
  results["errata"] = errata_section(results);
  results["warnings"] = warnings_section(results);
  StudyOutcome outcome{config.out, summary_of(results),
                       environment.peak_megabytes ? environment.peak_megabytes() : 0.0};
  results["execution"]["seconds"] = seconds;
  results["execution"]["peak_mb"] = outcome.peak_mb;
  progress.begin("write the report", 1);
  progress.check();
  write_study(config.out, results, arrays_of(config, dictionaries, a, b));
  kept.finish();
  return outcome;
}

}  // namespace energy_lens
