#include "energy_lens/experiment/attractor_section.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/attractor/decoding.h"
#include "energy_lens/attractor/greedy.h"
#include "energy_lens/attractor/predict.h"
#include "energy_lens/attractor/prompt_features.h"
#include "energy_lens/experiment/result_numbers.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/stats/bootstrap.h"
#include "energy_lens/stats/principal.h"

namespace energy_lens {
namespace {

struct Prompts {
  std::vector<std::vector<std::int64_t>> ids;  // without BOS
  std::vector<bool> train;
};

// The first half window of each document: half of the prompts from A, half from B.
Prompts choose_prompts(const StudyData& data, const StudyConfig& config) {
  Prompts prompts;
  const std::int64_t length = std::min<std::int64_t>(config.cycle_window / 2 + 1, config.window - data.first_position);
  for (const Split split : {Split::A, Split::B}) {
    std::int64_t left = config.prompts / 2;
    for (const Window* window : data.of(split)) {
      if (left-- == 0) break;
      const auto begin = window->ids.begin() + data.first_position;
      prompts.ids.emplace_back(begin, begin + length);
      prompts.train.push_back(split == Split::A);
    }
  }
  return prompts;
}

std::vector<std::int64_t> as_input(const StudyData& data, std::vector<std::int64_t> ids) {
  if (data.tokenizer->bos_id()) ids.insert(ids.begin(), *data.tokenizer->bos_id());
  return ids;
}

double train_median(const std::vector<DecodingCycle>& cycles, const std::vector<bool>& train) {
  std::vector<double> transients;
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    if (train[i] && cycles[i].found) transients.push_back(static_cast<double>(cycles[i].transient));
  }
  std::sort(transients.begin(), transients.end());
  return transients.empty() ? std::nan("") : sorted_quantile(transients, 0.5);
}

// One pass of the model over tokens: the streams halfway through it and after the last block.
struct PromptPass {
  std::vector<std::int64_t> input;  // T tokens, BOS first where the model has one
  at::Tensor middle, last;          // [T, D]
};

PromptPass run_prompt(const StudyData& data, const std::vector<std::int64_t>& ids) {
  const std::int64_t layers = data.model->config().n_layers;
  PromptPass pass;
  pass.input = as_input(data, ids);
  const Streams streams = capture_streams(*data.model, pad_right({pass.input}), {layers / 2, layers});
  pass.middle = streams.resid[0][0];
  pass.last = streams.resid[1][0];
  return pass;
}

// The stream [D] at the last token of an attractor's window, halfway through the model.
at::Tensor middle_state(const StudyData& data, const std::vector<std::int64_t>& ids) {
  const Streams streams =
      capture_streams(*data.model, pad_right({as_input(data, ids)}), {data.model->config().n_layers / 2});
  return streams.resid[0][0][-1];
}

// One attractor known from training: the state of the model inside its cycle.
struct KnownAttractor {
  at::Tensor state;
  std::vector<std::int64_t> train_prompts;
};

std::vector<KnownAttractor> known_attractors(const StudyData& data, const StudyConfig& config,
                                             const std::vector<DecodingCycle>& cycles, const Prompts& prompts) {
  std::vector<KnownAttractor> known;
  for (const Basin& basin : basins(cycles)) {
    KnownAttractor attractor;
    for (const std::int64_t prompt : basin.prompts) {
      if (prompts.train[prompt]) attractor.train_prompts.push_back(prompt);
    }
    if (attractor.train_prompts.empty()) continue;
    std::vector<std::int64_t> window;
    for (std::int64_t t = 0; t < config.cycle_window; ++t) window.push_back(basin.cycle[t % basin.cycle.size()]);
    attractor.state = middle_state(data, window);
    known.push_back(std::move(attractor));
  }
  return known;
}

struct Nearest {
  double cosine = 0.0;
  double log_basin = 0.0;
};

// A training prompt does not count towards the attractor it leads to itself, or the column would hold its outcome.
Nearest nearest_attractor(const std::vector<KnownAttractor>& known, const at::Tensor& state, const at::Tensor& centre,
                          std::int64_t prompt) {
  Nearest nearest;
  double best = -2.0;
  for (const KnownAttractor& attractor : known) {
    auto size = static_cast<std::int64_t>(attractor.train_prompts.size());
    size -= std::count(attractor.train_prompts.begin(), attractor.train_prompts.end(), prompt);
    if (size == 0) continue;
    const double cosine = at::cosine_similarity(state - centre, attractor.state - centre, 0).item<double>();
    if (cosine > best) {
      best = cosine;
      nearest = {cosine, std::log(static_cast<double>(size))};
    }
  }
  return nearest;
}

void add(Columns& columns, const std::vector<std::pair<std::string, double>>& row) {
  columns.values.resize(row.size());
  columns.names.clear();
  for (std::size_t c = 0; c < row.size(); ++c) {
    columns.names.push_back(row[c].first);
    columns.values[c].push_back(row[c].second);
  }
}

// What the prompt shows without any attractor: its tokens, the model's output, and the lens halfway through the model.
void add_baselines(Columns& columns, const StudyData& data, const PromptPass& pass) {
  const PromptFeatures f = prompt_features(*data.model, pass.input, pass.last);
  const LensRows middle = lens_of_stream(*data.model, pass.middle, pass.input);
  const LensRows last = lens_of_stream(*data.model, pass.last, pass.input);
  add(columns, {{"repetition", f.repetition},
                {"induction", f.induction},
                {"mean energy", mean_of(last.energy)},
                {"mean entropy", f.mean_entropy},
                {"last entropy", f.last_entropy},
                {"mean margin", f.mean_margin},
                {"last margin", f.last_margin},
                {"mean energy, middle layer", mean_of(middle.energy)},
                {"mean entropy, middle layer", mean_of(middle.entropy)},
                {"mean margin, middle layer", mean_of(middle.margin)}});
}

// A linear probe of the state itself, on its principal axes over the training prompts: there are fewer prompts than
// dimensions.
void add_probe(Columns& columns, const std::vector<at::Tensor>& states, const std::vector<bool>& train) {
  constexpr std::int64_t kAxes = 8;
  std::vector<std::vector<double>> rows, train_rows;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const at::Tensor state = states[i].to(at::kDouble).contiguous();
    rows.emplace_back(state.const_data_ptr<double>(), state.const_data_ptr<double>() + state.numel());
    if (train[i]) train_rows.push_back(rows.back());
  }
  const PrincipalAxes axes = principal_axes(train_rows, kAxes);
  std::vector<std::vector<double>> values(axes.axes.size());
  for (const std::vector<double>& row : rows) {
    const std::vector<double> coordinates = axes.project(row);
    for (std::size_t k = 0; k < values.size(); ++k) values[k].push_back(coordinates[k]);
  }
  for (std::vector<double>& column : values) {
    columns.names.push_back("linear probe, middle layer");
    columns.values.push_back(std::move(column));
  }
}

PredictionData prediction_data(const StudyData& data, const StudyConfig& config, const Prompts& prompts,
                               const std::vector<DecodingCycle>& cycles, double median, Progress& progress) {
  PredictionData d;
  d.train = prompts.train;
  d.attractor.names = {"cosine to nearest attractor", "log basin size"};
  d.attractor.values.resize(2);
  std::vector<at::Tensor> states, train_states;
  progress.begin("read the prompts", static_cast<std::int64_t>(prompts.ids.size()));
  for (std::size_t i = 0; i < prompts.ids.size(); ++i) {
    progress.check();
    const PromptPass pass = run_prompt(data, prompts.ids[i]);
    states.push_back(pass.middle[-1].clone());
    if (prompts.train[i]) train_states.push_back(states.back());
    add_baselines(d.baselines, data, pass);
    d.document.push_back(static_cast<std::int64_t>(i));
    d.outcome.push_back(cycles[i].found && static_cast<double>(cycles[i].transient) <= median);
    progress.advance(1);
  }
  add_probe(d.baselines, states, prompts.train);
  const at::Tensor centre = at::stack(train_states).mean(0);
  const std::vector<KnownAttractor> known = known_attractors(data, config, cycles, prompts);
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Nearest nearest = nearest_attractor(known, states[i], centre, static_cast<std::int64_t>(i));
    d.attractor.values[0].push_back(nearest.cosine);
    d.attractor.values[1].push_back(nearest.log_basin);
  }
  return d;
}

// A claim needs as many held-out documents as one of alignment, and a random-weights model that fails, which is a
// second study.
std::string verdict(const PredictionReport& report) {
  if (report.degenerate) return "not run: all prompts have the same outcome";
  if (report.test_rows < EfasOptions{}.min_documents) return "underpowered";
  if (std::isnan(report.difference_interval.high)) return "underpowered";
  if (report.difference_interval.high >= 0) return "refuted";
  return "not run: the interval is below 0, and a claim needs the same study with --random-weights beside it";
}

Json prediction_json(const PredictionReport& report) {
  Json models = Json::array();
  for (const PredictorScore& s : report.scores) {
    models.push_back({{"name", s.name}, {"auc", s.auc}, {"log_loss", s.log_loss}, {"brier", s.brier}, {"ece", s.ece}});
  }
  return {{"models", models},
          {"heldout_prompts", report.test_rows},
          {"difference", report.log_loss_difference},
          {"difference_ci", interval_json(report.difference_interval)},
          {"verdict", verdict(report)}};
}

Json cycles_json(const StudyData& data, const StudyConfig& config, const std::vector<DecodingCycle>& cycles) {
  std::map<std::int64_t, std::int64_t> periods;
  for (const DecodingCycle& cycle : cycles) {
    if (cycle.found) ++periods[cycle.period];
  }
  Json json = {{"window", config.cycle_window}, {"steps", config.cycle_steps}, {"prompts", cycles.size()}};
  json["cyclic"] = std::count_if(cycles.begin(), cycles.end(), [](const DecodingCycle& c) { return c.found; });
  json["periods"] = Json::array();
  for (const auto& [period, count] : periods) json["periods"].push_back({{"period", period}, {"count", count}});
  json["basins"] = Json::array();
  for (const Basin& basin : basins(cycles)) {
    json["basins"].push_back({{"label", readable(*data.tokenizer, basin.cycle)}, {"size", basin.prompts.size()}});
  }
  return json;
}

}  // namespace

Json attractors_section(const StudyData& data, const StudyConfig& config, Progress& progress) {
  const Prompts prompts = choose_prompts(data, config);
  DecodingOptions options;
  options.window = config.cycle_window;
  options.max_steps = config.cycle_steps;
  const auto cycles =
      decoding_cycles(prompts.ids, greedy_next(*data.model, data.tokenizer->bos_id()), options, progress);
  const double median = train_median(cycles, prompts.train);
  Json json = cycles_json(data, config, cycles);
  json["transient_median"] = median;
  json["prediction"] = prediction_json(predict_behaviour(
      prediction_data(data, config, prompts, cycles, median, progress), {}, config.bootstrap_options()));
  return json;
}

}  // namespace energy_lens
