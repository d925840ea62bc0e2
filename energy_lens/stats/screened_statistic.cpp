#include "energy_lens/stats/screened_statistic.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include "energy_lens/stats/document_rows.h"

namespace energy_lens {
namespace {

// What fp32 adds to the error of a sum over all rows, in steps: 7.5 * 2^-24 of 2^31, and what is left for fp64.
constexpr double kRounded = 1024.0;
constexpr double kMostSteps = 2147483647.0;

// What the terms of all active documents can add up to at most.
struct Bounds {
  double sum = 0.0;
  double square = 0.0;
  double common = 0.0;         // |common| at most
  std::int64_t documents = 0;  // active
};

// A square is at least -2 |x| |common|: as much is added to it before it is packed.
double square_below(double most, double common) { return 2.0 * most * common; }
double square_range(double most, double common) { return most * (most + 4.0 * common); }

Bounds bounds_of(const DocumentProducts& products) {
  Bounds bounds;
  bounds.common = best_permutation_kernel().largest_magnitude(products.common.data(), std::ssize(products.common));
  for_each_document(products.firings, [&](std::span<const Firing> firings) {
    const double most = largest_term(products.columns, firings);
    bounds.sum += most;
    bounds.square += square_range(most, bounds.common);
    ++bounds.documents;
  });
  return bounds;
}

// The steps of both sums: with the roundings of fp32 and what is added to squares on their account, inside 31 bits.
FixedPoint steps_of(const Bounds& bounds) {
  const double most = kMostSteps - 4.0 * kRounded;
  return {bounds.sum / most, bounds.square / most};
}

// Whether the sums of squares are in the range of fp32, which the statistic is made in. Then |common| is below 1e22
// times the largest term, and all other numbers are in range as well.
bool can_be_screened(const FixedPoint& steps, const Term& common) {
  return std::isnormal(steps.square) && common.square < 1e30 * steps.square;
}

// Tables of a feature's rows.
class RowPacker {
 public:
  RowPacker(const DocumentProducts& products, const Bounds& bounds, const FixedPoint& steps)
      : products_(products),
        common_(bounds.common),
        steps_(steps),
        root_(std::sqrt(steps.square)),
        row_(products.common.size()),
        shares_(row_.size()),
        twice_common_(row_.size()) {
    const double scale = 2.0 / root_;
    for (std::size_t e = 0; e < row_.size(); ++e) twice_common_[e] = static_cast<float>(scale * products.common[e]);
  }

  // The row of the document whose firings these are; packed [D]. Returns what was added to each square, in steps.
  double pack(std::span<const Firing> firings, std::uint64_t* packed) {
    const double most = largest_term(products_.columns, firings);
    const bool one = firings.size() == 1;
    const double signed_most = one ? std::copysign(most, firings.front().value) : most;
    const FixedRow scale{static_cast<float>(signed_most / steps_.sum), static_cast<float>(signed_most / root_),
                         bias(most)};
    const std::span<const float> shares = one ? products_.columns.shares(firings.front().position) : of(firings, most);
    best_permutation_kernel().pack(scale, shares.data(), twice_common_.data(), std::ssize(row_), packed);
    return scale.bias;
  }

 private:
  // With what fp32 may take off.
  float bias(double most) const {
    return static_cast<float>((square_below(most, common_) + 0x1p-20 * square_range(most, common_)) / steps_.square);
  }

  std::span<const float> of(std::span<const Firing> firings, double most) {
    std::ranges::fill(row_, 0.0);
    for (const Firing& firing : firings) products_.columns.add({&firing.position, 1}, {&firing.value, 1}, row_);
    shares_of(row_, most, shares_);
    return shares_;
  }

  const DocumentProducts& products_;
  double common_;
  FixedPoint steps_;
  double root_;  // of a step of the square
  std::vector<double> row_;
  std::vector<float> shares_, twice_common_;
};

}  // namespace

double screened_statistics(const PermutedStatistic& exact, const Permutations& permutations,
                           std::span<float> statistics) {
  const PermutationKernel& kernels = best_permutation_kernel();
  const DocumentProducts& products = exact.products();
  const Bounds bounds = bounds_of(products);
  const FixedPoint steps = steps_of(bounds);
  if (!can_be_screened(steps, exact.common())) {
    std::ranges::fill(statistics, std::numeric_limits<float>::quiet_NaN());
    return 0.0;
  }
  std::vector<std::uint64_t> totals(statistics.size(), 0);
  RowTables tables(products.common.size());
  RowPacker packer(products, bounds, steps);
  Term rest = exact.common();  // what the totals are added to
  const auto add = [&] {
    kernels.add_packed(tables.rows, tables.from, tables.targets, std::ssize(statistics), totals.data());
    tables.rows = 0;
  };
  for_each_document(products.firings, [&](std::span<const Firing> firings) {
    std::uint64_t* const packed = tables.append(permutations.targets(firings.front().document));
    rest.square -= steps.square * packer.pack(firings, packed);
    if (tables.full()) add();
  });
  add();
  // A step a document is cut off.
  const double wrong = static_cast<double>(bounds.documents) + kRounded;
  return kernels.studentise(totals.data(), rest, steps, wrong, std::ssize(statistics), statistics.data());
}

}  // namespace energy_lens
