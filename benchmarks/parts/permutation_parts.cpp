// One sparse feature under 10,000 permutations of 1,563 documents, active in as many of them as the argument says.
#include <benchmark/benchmark.h>

#include <cmath>

#include "energy_lens/core/philox.h"
#include "energy_lens/stats/screened_statistic.h"

namespace {

using namespace energy_lens;

constexpr std::int64_t kDocuments = 1563, kPositions = 64, kPermutations = 10000;

const Permutations& permutations() {
  static const Permutations drawn = document_permutations(kDocuments, kPermutations, 1);
  return drawn;
}

DocumentProducts feature(std::int64_t active) {
  Philox random(0, "bench/permutation");
  std::vector<double> columns;
  for (std::int64_t i = 0; i < kPositions * kDocuments; ++i) columns.push_back(random.normal());
  DocumentProducts products;
  for (std::int64_t d = 0; d < kDocuments; ++d) products.common.push_back(0.01 * random.normal());
  for (std::int64_t i = 0; i < active; ++i) {
    products.firings.push_back({static_cast<std::int32_t>(i * kDocuments / active),
                                static_cast<std::int32_t>(random.below(kPositions)), random.uniform() + 0.1});
  }
  products.columns = {std::move(columns), kDocuments};
  return products;
}

// Look-ups: one a permutation and active document.
void count_lookups(benchmark::State& state) {
  state.counters["lookups"] = benchmark::Counter(static_cast<double>(kPermutations * state.range(0)),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void permuted_statistics(benchmark::State& state) {
  const DocumentProducts products = feature(state.range(0));
  const PermutedStatistic exact(products);
  std::vector<float> t(kPermutations);
  const double error = screened_statistics(exact, permutations(), t);
  if (!(std::abs(t[7] - exact.permuted(permutations(), 7)) <= error)) state.SkipWithError("wrong");
  for (auto _ : state) screened_statistics(exact, permutations(), t);
  count_lookups(state);
}
BENCHMARK(permuted_statistics)->Arg(95)->Arg(1563);

void draw_permutations(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(document_permutations(kDocuments, state.range(0), 1));
}
BENCHMARK(draw_permutations)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
