// Blocks of GPT-2's shape (4 of its 12, drawn weights) over one sequence: the row kernels, and the tensor operators
// that a pass with autograd takes.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "energy_lens/io/file.h"
#include "energy_lens/lens/streams.h"

namespace {

using namespace energy_lens;

constexpr std::int64_t kVocabulary = 8192;

// The last stream has numbers up to 4. 16 products of 4 * 2^-24 rounding, times some 20 for sums of up to 3,072 terms;
// with bf16 weights the operators round their inputs too, to 2^-9.
double allowed(at::ScalarType dtype) { return dtype == at::kFloat ? 1e-4 : 0.1; }

const Model& model_of(at::ScalarType dtype) {
  static std::map<at::ScalarType, std::shared_ptr<const Model>> models;
  std::shared_ptr<const Model>& model = models[dtype];
  if (model == nullptr) {
    const Json config = {{"model_type", "gpt2"}, {"n_embd", 768},       {"n_layer", 4},
                         {"n_head", 12},         {"n_positions", 1024}, {"vocab_size", kVocabulary}};
    const auto folder = std::filesystem::temp_directory_path() / ("el_forward_parts_" + std::to_string(::getpid()));
    write_file(folder / "config.json", config.dump());
    model = load_model(folder, {.dtype = dtype, .random = RandomInit{}});
    std::filesystem::remove_all(folder);
  }
  return *model;
}

TokenBatch tokens(std::int64_t count) { return {at::randint(kVocabulary, {1, count}, at::kLong), {count}}; }

void count_tokens(benchmark::State& state) {
  state.counters["tokens"] =
      benchmark::Counter(static_cast<double>(state.range(0)), benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, at::ScalarType dtype, bool operators) {
  const Model& model = model_of(dtype);
  const TokenBatch batch = tokens(state.range(0));
  const ForwardOptions options{.logits = false, .differentiable = operators};
  const ForwardOptions twin{.logits = false, .differentiable = !operators};
  const at::Tensor difference = model.forward(batch, options).resid - model.forward(batch, twin).resid;
  if (!(difference.abs().max().item<double>() < allowed(dtype))) state.SkipWithError("the two passes differ");
  for (auto _ : state) benchmark::DoNotOptimize(model.forward(batch, options).resid);
  count_tokens(state);
}

// What it costs to keep the stream entering every block.
void forward_with_streams(benchmark::State& state) {
  const Model& model = model_of(at::kFloat);
  const TokenBatch batch = tokens(state.range(0));
  const std::vector<std::int64_t> layers = every_layer(model);
  const at::Tensor last = model.forward(batch, {.logits = false}).resid;
  const at::Tensor watched = capture_streams(model, batch, layers).resid.back();
  if (!at::equal(watched, last)) state.SkipWithError("watching changed bits");
  for (auto _ : state) benchmark::DoNotOptimize(capture_streams(model, batch, layers));
  count_tokens(state);
}

#define FORWARD_SIZES Arg(128)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime()

BENCHMARK_CAPTURE(forward, rows_fp32, at::kFloat, false)->FORWARD_SIZES;
BENCHMARK_CAPTURE(forward, rows_bf16, at::kBFloat16, false)->FORWARD_SIZES;
BENCHMARK_CAPTURE(forward, operators_fp32, at::kFloat, true)->FORWARD_SIZES;
BENCHMARK(forward_with_streams)->FORWARD_SIZES;

}  // namespace
