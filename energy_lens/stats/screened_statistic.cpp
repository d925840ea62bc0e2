#include "energy_lens/stats/screened_statistic.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include "energy_lens/stats/document_rows.h"

namespace energy_lens {
namespace {

// What the terms of all active documents can add up to at most.
struct Bounds {
  double sum = 0.0;
  double square = 0.0;
  std::int64_t documents = 0;  // active
};

Bounds bounds_of(const DocumentProducts& products) {
  const double common =
      best_permutation_kernel().largest_magnitude(products.common.data(), std::ssize(products.common));
  Bounds bounds;
  for (std::size_t i = 0; i < products.firings.size(); ++bounds.documents) {
    const std::int32_t document = products.firings[i].document;
    double most = 0.0;
    for (; i < products.firings.size() && products.firings[i].document == document; ++i) {
      most += std::abs(products.firings[i].value) * products.columns.largest.get()[products.firings[i].position];
    }
    bounds.sum += most;
    bounds.square += most * (most + 2.0 * common);
  }
  return bounds;
}

// The steps of both sums; n roundings and the bounds' own rounding stay below 2n of them.
FixedPoint steps_of(const Bounds& bounds) {
  const double most = 2147483647.0 - 2.0 * static_cast<double>(bounds.documents);
  return {bounds.sum / most, bounds.square / most};
}

// Whether the sums of squares are in the range of fp32, which the statistic is made in. Then |common| is below 1e22
// times the largest term, and all other numbers are in range as well.
bool can_be_screened(const FixedPoint& steps, const Term& common) {
  return std::isnormal(steps.square) && common.square < 1e30 * steps.square;
}

}  // namespace

double screened_statistics(const PermutedStatistic& exact, const Permutations& permutations,
                           std::span<float> statistics) {
  const PermutationKernel& kernels = best_permutation_kernel();
  const DocumentProducts& products = exact.products();
  const auto documents = static_cast<std::int64_t>(products.common.size());
  const auto count = static_cast<std::int64_t>(statistics.size());
  const Bounds bounds = bounds_of(products);
  const FixedPoint steps = steps_of(bounds);
  if (!can_be_screened(steps, exact.common())) {
    std::fill(statistics.begin(), statistics.end(), std::numeric_limits<float>::quiet_NaN());
    return 0.0;
  }
  std::vector<std::uint64_t> totals(statistics.size(), 0);
  RowTables tables(products.common.size());
  const auto add = [&] {
    kernels.add_packed(tables.rows, tables.from, tables.targets, count, totals.data());
    tables.rows = 0;
  };
  for (DocumentRows rows(products); rows.next();) {
    std::uint64_t* const packed = tables.append(permutations.targets(rows.document()));
    if (const Firing* const only = rows.only()) {
      kernels.pack_product(only->value, products.columns.column(only->position), products.common.data(), documents,
                           steps, packed);
    } else {
      kernels.pack_terms(rows.form(), products.common.data(), documents, steps, packed);
    }
    if (tables.full()) add();
  }
  add();
  // Half a step a document, and as much again for the roundings of fp64 here and there.
  const auto wrong = static_cast<double>(bounds.documents);
  return kernels.studentise(totals.data(), exact.common(), steps, wrong, count, statistics.data());
}

}  // namespace energy_lens
