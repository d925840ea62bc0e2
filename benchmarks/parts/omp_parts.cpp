// Sparse coding of 1,024 signals of 768 numbers over K random atoms, k of them a signal; arguments K, k.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include "energy_lens/dictionary/omp.h"

namespace {

using namespace energy_lens;

constexpr std::int64_t kSignals = 1024, kWidth = 768;

at::Tensor unit_atoms(std::int64_t count) {
  const at::Tensor atoms = at::randn({count, kWidth});
  return atoms / atoms.norm(2, -1, true);
}

// Signals of k planted atoms and some noise, which is what the last choice explains where an atom was drawn twice.
at::Tensor planted(const at::Tensor& atoms, std::int64_t active) {
  const at::Tensor ids = at::randint(atoms.size(0), {kSignals * active}, at::kLong);
  const at::Tensor parts = atoms.index_select(0, ids).view({kSignals, active, kWidth});
  return (parts * at::randn({kSignals, active, 1})).sum(1) + 0.01 * at::randn({kSignals, kWidth});
}

void omp_gram(benchmark::State& state) {
  const at::Tensor atoms = unit_atoms(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(OmpCoder(atoms));
}
BENCHMARK(omp_gram)->Arg(512)->Arg(4096)->Unit(benchmark::kMillisecond)->UseRealTime();

void omp_codes(benchmark::State& state) {
  const at::Tensor atoms = unit_atoms(state.range(0)), signals = planted(atoms, state.range(1));
  const OmpOptions options{.active = state.range(1)};
  const OmpCoder coder(atoms);
  const at::Tensor expected = omp_reference(signals[0], atoms, options.active).atoms[0];
  if (!at::equal(coder.encode(signals.narrow(0, 0, 1), options).atoms[0], expected)) {
    state.SkipWithError("the support is not the reference's");
  }
  for (auto _ : state) benchmark::DoNotOptimize(coder.encode(signals, options));
  state.counters["signals"] = benchmark::Counter(kSignals, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(omp_codes)->Args({512, 8})->Args({4096, 32})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
