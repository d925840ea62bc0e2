#include "energy_lens/stats/permuted_statistic.h"

#include <algorithm>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/stats/document_rows.h"

namespace energy_lens {
namespace {

// target_of(d): the document that s is taken from.
template <typename TargetOf>
double one_statistic(const DocumentProducts& products, const TargetOf& target_of) {
  Term total = common_total(products);
  double largest = total.square;
  for (std::size_t i = 0; i < products.firings.size();) {
    const std::int32_t document = products.firings[i].document;
    const std::int64_t target = target_of(document);
    double excess = 0.0;
    for (; i < products.firings.size() && products.firings[i].document == document; ++i) {
      excess += products.firings[i].value * products.columns.column(products.firings[i].position)[target];
    }
    total.sum += excess;
    total.square += excess * (excess + 2.0 * products.common[target]);
    largest = std::max(largest, excess * excess);
  }
  double statistic = 0.0;
  best_permutation_kernel().studentise(&total, least_square(largest), 1, &statistic);
  return statistic;
}

}  // namespace

Term common_total(const DocumentProducts& products) {
  Term total{0.0, 0.0};
  for (const double value : products.common) {
    total.sum += value;
    total.square += value * value;
  }
  return total;
}

double observed_statistic(const DocumentProducts& products) {
  return one_statistic(products, [](std::int64_t document) { return document; });
}

double permuted_statistic(const DocumentProducts& products, const Permutations& permutations,
                          std::int64_t permutation) {
  return one_statistic(products, [&](std::int64_t document) { return permutations.targets(document)[permutation]; });
}

void permuted_statistics(const DocumentProducts& products, const Permutations& permutations, std::span<double> out) {
  const PermutationKernel& kernels = best_permutation_kernel();
  const auto documents = static_cast<std::int64_t>(products.common.size());
  const auto count = static_cast<std::int64_t>(out.size());
  const Term common = common_total(products);
  double largest = common.square;
  std::vector<Term> totals(out.size(), common);
  RowTables<Term> tables(products.common.size());
  const auto add = [&] {
    kernels.add_terms(tables.rows, tables.from, tables.targets, count, totals.data());
    tables.rows = 0;
  };
  for (DocumentRows rows(products); rows.next();) {
    Term* const terms = tables.append(permutations.targets(rows.document()));
    largest = std::max(largest, kernels.make_terms(rows.form(), products.common.data(), documents, terms));
    if (tables.full()) add();
  }
  add();
  kernels.studentise(totals.data(), least_square(largest), count, out.data());
}

}  // namespace energy_lens
