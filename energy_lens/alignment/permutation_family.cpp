#include "energy_lens/alignment/permutation_family.h"

#include <limits>

#include "energy_lens/alignment/directional_series.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/stats/multiple_testing.h"

namespace energy_lens {

std::vector<AlignmentTest> test_alignment(const FeatureIndex& index, const Windows& windows,
                                          std::span<const std::int64_t> features, const RawSeriesOf& series,
                                          const Permutations& permutations, Progress& progress) {
  const auto products = [&](std::span<const std::int64_t> ranks) {
    std::vector<std::int64_t> ids;
    for (const std::int64_t rank : ranks) ids.push_back(features[rank]);
    std::vector<double> raw = series(ids);
    std::vector<DocumentProducts> result(ids.size());
    parallel_blocks(static_cast<std::int64_t>(ids.size()), [&](std::int64_t f) {
      const std::span<double> s = std::span<double>(raw).subspan(f * windows.size(), windows.size());
      remove_position_means(s, windows);
      remove_document_means(s, windows);
      result[f] = document_products(index.active(ids[f]), s, windows);
    });
    return result;
  };
  const PermutationTest test =
      permutation_test(static_cast<std::int64_t>(features.size()), products, permutations, progress);
  const std::vector<double> bh = benjamini_hochberg(test.p), by = benjamini_yekutieli(test.p);
  std::vector<AlignmentTest> results(features.size());
  for (std::size_t f = 0; f < features.size(); ++f) {
    results[f] = {.statistic = test.statistic[f],
                  .p = test.p[f],
                  .p_greater = test.p_greater[f],
                  .p_less = test.p_less[f],
                  .max_t = test.single_step[f],
                  .step_down = test.step_down[f],
                  .bh_q = bh[f],
                  .by_q = by[f]};
  }
  return results;
}

AlignmentTest untested() {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return {nan, nan, nan, nan, nan, nan, nan, nan};
}

bool is_testable(const FeatureIndex& index, std::int64_t feature, const EfasOptions& options) {
  return static_cast<std::int64_t>(index.active(feature).size()) >= options.min_active_tokens &&
         index.active_documents(feature) >= options.min_active_documents;
}

}  // namespace energy_lens
