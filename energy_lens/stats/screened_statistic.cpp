#include "energy_lens/stats/screened_statistic.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include "energy_lens/stats/document_rows.h"

namespace energy_lens {
namespace {

constexpr double kMostSteps = 2147483647.0;
// What fp32 puts a term out by, as a share of what it is at most (PermutationKernel::pack).
constexpr double kTermError = 8.0 * 0x1p-24;
// What that makes of a sum over all rows, in steps; 64 are for fp64.
constexpr double kRounded = kTermError * 0x1p31 + 64.0;

// What the terms of all active documents can add up to at most.
struct Bounds {
  double sum = 0.0;
  double square = 0.0;
  double common = 0.0;         // |common| at most
  std::int64_t documents = 0;  // active
};

// What |G[d, e] - common[e]| is at most for the document whose firings these are; NaN where it may be anything.
double largest_term(const SeriesColumns& columns, std::span<const Firing> firings) {
  double most = 0.0;
  for (const Firing& firing : firings) most += std::abs(firing.value) * columns.largest(firing.position);
  return most;
}

// A square is at least -2 |x| |common|: as much is added to it before it is packed, which takes it to the range at
// most.
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

// The steps of both sums: with the error of fp32, and twice as much that is added to squares for it, inside 31 bits.
FixedPoint steps_of(const Bounds& bounds) {
  const double most = kMostSteps - 3.0 * kRounded;
  return {bounds.sum / most, bounds.square / most};
}

// Whether the sums of squares are in the range of fp32, which the statistic is made in. Then |common| is below 1e15
// square roots of a step, and all other numbers are in range as well.
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
    const std::span<const float> shares =
        one ? products_.columns.shares(firings.front().position) : joined_shares(firings, most);
    best_permutation_kernel().pack(scale, shares.data(), twice_common_.data(), std::ssize(row_), packed);
    return scale.bias;
  }

 private:
  // Twice what fp32 may take off: a square stays above 0.
  float bias(double most) const {
    const double added = square_below(most, common_) + 2.0 * kTermError * square_range(most, common_);
    return static_cast<float>(added / steps_.square);
  }

  // Of a row made of several columns.
  std::span<const float> joined_shares(std::span<const Firing> firings, double most) {
    positions_.clear();
    weights_.clear();
    for (const Firing& firing : firings) {
      positions_.push_back(firing.position);
      weights_.push_back(firing.value);
    }
    std::ranges::fill(row_, 0.0);
    products_.columns.add(positions_, weights_, row_);
    shares_of(row_, most, shares_);
    return shares_;
  }

  const DocumentProducts& products_;
  double common_;
  FixedPoint steps_;
  double root_;  // of a step of the square
  std::vector<double> row_, weights_;
  std::vector<std::int32_t> positions_;
  std::vector<float> shares_, twice_common_;
};

// kRowsAtOnce tables [D], each with the permuted targets of its document.
struct RowTables {
  explicit RowTables(std::size_t documents) {
    for (int i = 0; i < kRowsAtOnce; ++i) {
      entries[i].resize(documents);
      from[i] = entries[i].data();
    }
  }

  // The table to fill for a document.
  std::uint64_t* append(const std::uint16_t* document_targets) {
    targets[rows] = document_targets;
    return entries[rows++].data();
  }
  bool full() const { return rows == kRowsAtOnce; }

  std::vector<std::uint64_t> entries[kRowsAtOnce];
  const std::uint64_t* from[kRowsAtOnce];
  const std::uint16_t* targets[kRowsAtOnce] = {};
  int rows = 0;
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
