// The lens of 256 rows at one layer with GPT-2's unembedding: the fused kernel, and the tensor operators it replaces.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include "energy_lens/lens/energy.h"

namespace {

using namespace energy_lens;

constexpr std::int64_t kRows = 256, kWidth = 768, kVocabulary = 50257, kChecked = 8;
// Logits of size 1, whose sums of 768 products lose at most 768 * 2^-24 of 20; bf16 weights are the same for both.
constexpr double kAllowed = 1e-3;

struct Given {
  at::Tensor stream = at::randn({kRows, kWidth}), targets = at::randint(kVocabulary, {kRows}, at::kLong);
  Unembed unembed;
  explicit Given(at::ScalarType weights) {
    unembed.gamma = at::ones({kWidth});
    unembed.beta = at::zeros({kWidth});
    unembed.w_u = (at::randn({kVocabulary, kWidth}) / 28.0).to(weights);
  }
  LensRows measure(const LensOptions& options) const { return lens_rows({stream}, targets, unembed, options)[0]; }
};

LensRows exact(Given given) {
  given.stream = given.stream.narrow(0, 0, kChecked).to(at::kDouble);
  given.targets = given.targets.narrow(0, 0, kChecked);
  for (at::Tensor* const tensor : {&given.unembed.gamma, &given.unembed.beta, &given.unembed.w_u}) {
    *tensor = tensor->to(at::kDouble);
  }
  return given.measure({.top_k = 10, .gradient = true});
}

bool close(const at::Tensor& measured, const at::Tensor& expected) {
  return !measured.defined() || (measured.narrow(0, 0, kChecked) - expected).abs().max().item<double>() < kAllowed;
}

void lens(benchmark::State& state, LensKernel kernel, at::ScalarType weights, bool gradient) {
  const Given given(weights);
  const LensOptions options{.top_k = 10, .gradient = gradient, .kernel = kernel};
  const LensRows measured = given.measure(options), expected = exact(given);
  if (!close(measured.energy, expected.energy) || !close(measured.entropy, expected.entropy) ||
      !close(measured.gradient, expected.gradient)) {
    state.SkipWithError("the lens is wrong");
  }
  for (auto _ : state) benchmark::DoNotOptimize(given.measure(options));
  state.counters["rows"] = benchmark::Counter(kRows, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["flop"] = benchmark::Counter((gradient ? 4.0 : 2.0) * kRows * kWidth * kVocabulary,
                                              benchmark::Counter::kIsIterationInvariantRate);
}

#define LENS_PART(name, kernel, weights, gradient) \
  BENCHMARK_CAPTURE(lens, name, LensKernel::kernel, at::weights, gradient)->Unit(benchmark::kMillisecond)->UseRealTime()

LENS_PART(fused_fp32, Best, kFloat, false);
LENS_PART(fused_fp32_with_gradient, Best, kFloat, true);
LENS_PART(fused_bf16, Best, kBFloat16, false);
LENS_PART(fused_bf16_with_gradient, Best, kBFloat16, true);
LENS_PART(reference_fp32, Reference, kFloat, false);
LENS_PART(reference_fp32_with_gradient, Reference, kFloat, true);

}  // namespace
