#include "energy_lens/alignment/permutation_family.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "energy_lens/core/parallel.h"
#include "energy_lens/stats/multiple_testing.h"

namespace energy_lens {
namespace {

// What a silent document's row of G is: -sum_t mean_a[t] s[d', t], mean_a [kept, strata] being that of the stratum of
// d'.
std::vector<double> common_row(std::span<const double> mean_a, const SeriesColumns& columns, const Windows& windows) {
  const auto strata = static_cast<std::int64_t>(windows.sizes.size());
  std::vector<double> common(static_cast<std::size_t>(windows.documents), 0.0), weights;
  std::vector<std::int32_t> positions;
  for (std::int64_t t = 0; t < windows.tokens; ++t) {
    const std::span<const double> mean = mean_a.subspan(t * strata, strata);
    if (std::ranges::all_of(mean, [](double value) { return value == 0.0; })) continue;
    positions.push_back(static_cast<std::int32_t>(t));
    weights.push_back(-mean.front());
  }
  if (strata == 1) {
    columns.add(positions, weights, common);
    return common;
  }
  for (const std::int32_t t : positions) {
    const std::span<const double> mean = mean_a.subspan(t * strata, strata), column = columns.column(t);
    for (std::int64_t e = 0; e < windows.documents; ++e) common[e] -= mean[windows.strata[e]] * column[e];
  }
  return common;
}

}  // namespace

SeriesColumns within_columns(std::span<const double> s, const Windows& windows) {
  std::vector<double> within(s.begin(), s.end());
  remove_position_means(within, windows);
  remove_document_means(within, windows);
  std::vector<double> turned(within.size());
  for (std::int64_t d = 0; d < windows.documents; ++d) {
    for (std::int64_t t = 0; t < windows.tokens; ++t) {
      turned[t * windows.documents + d] = within[d * windows.tokens + t];
    }
  }
  return {std::move(turned), windows.documents};
}

DocumentProducts document_products(std::span<const ActiveToken> active, SeriesColumns columns, const Windows& windows) {
  const std::int64_t kept = windows.tokens;
  const auto strata = static_cast<std::int64_t>(windows.sizes.size());
  std::vector<double> mean_a(static_cast<std::size_t>(kept * strata), 0.0);  // [kept, strata]
  DocumentProducts products;
  products.firings.reserve(active.size());
  for (const ActiveToken& token : active) {
    const std::int64_t d = token.row / kept, t = token.row % kept, stratum = windows.strata[d];
    mean_a[t * strata + stratum] += token.value / static_cast<double>(windows.sizes[stratum]);
    products.firings.push_back({static_cast<std::int32_t>(d), static_cast<std::int32_t>(t), token.value});
  }
  products.common = common_row(mean_a, columns, windows);
  products.columns = std::move(columns);
  return products;
}

std::vector<AlignmentTest> test_alignment(const FeatureIndex& index, const Windows& windows,
                                          std::span<const std::int64_t> features, const ColumnsOf& columns,
                                          const Permutations& permutations, Progress& progress) {
  const auto products = [&](std::span<const std::int64_t> ranks) {
    std::vector<std::int64_t> ids;
    for (const std::int64_t rank : ranks) ids.push_back(features[rank]);
    std::vector<SeriesColumns> own = columns(ids);
    std::vector<DocumentProducts> result(ids.size());
    parallel_blocks(static_cast<std::int64_t>(ids.size()), [&](std::int64_t f) {
      result[f] = document_products(index.active(ids[f]), std::move(own[f]), windows);
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

bool is_testable(const FeatureIndex::Activity& activity, const EfasOptions& options) {
  return activity.tokens >= options.min_active_tokens && activity.documents >= options.min_active_documents;
}

}  // namespace energy_lens
