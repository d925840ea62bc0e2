// The product all others are compared with.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include "energy_lens/kernels/stable_product.h"

namespace {

void stable_product_of_64_rows(benchmark::State& state) {
  const at::Tensor x = at::rand({64, 768}), w = at::rand({768, state.range(0)});
  const double error = (energy_lens::stable_product(x, w) - at::mm(x, w)).abs().max().item<double>();
  if (error > 1e-3) state.SkipWithError("the product is wrong");
  for (auto _ : state) benchmark::DoNotOptimize(energy_lens::stable_product(x, w));
  state.counters["flop"] = benchmark::Counter(2.0 * 64 * 768 * static_cast<double>(state.range(0)),
                                              benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(stable_product_of_64_rows)->Arg(768)->Arg(3072);

}  // namespace
