#include "energy_lens/stats/permuted_statistic.h"

#include <algorithm>
#include <span>

#include "energy_lens/stats/document_rows.h"

namespace energy_lens {

PermutedStatistic::PermutedStatistic(const DocumentProducts& products) : products_(products) {
  for (const double value : products.common) add_product(value, common_);
}

// target_of(d): the document that s is taken from.
template <typename TargetOf>
double PermutedStatistic::of(const TargetOf& target_of) const {
  Term total = common_;
  double largest = total.square;
  for_each_document(products_.firings, [&](std::span<const Firing> firings) {
    const std::int64_t target = target_of(firings.front().document);
    double excess = 0.0;
    for (const Firing& firing : firings) excess += firing.value * products_.columns.column(firing.position)[target];
    total.sum += excess;
    total.square += excess * (excess + 2.0 * products_.common[target]);
    largest = std::max(largest, excess * excess);
  });
  return studentised(total, least_square(largest));
}

double PermutedStatistic::observed() const {
  return of([](std::int64_t document) { return document; });
}

double PermutedStatistic::permuted(const Permutations& permutations, std::int64_t permutation) const {
  return of([&](std::int64_t document) { return permutations.targets(document)[permutation]; });
}

}  // namespace energy_lens
