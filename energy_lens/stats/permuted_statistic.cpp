#include "energy_lens/stats/permuted_statistic.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/stats/permuted_rows.h"

namespace energy_lens {
namespace {

// Below rounding of the largest square seen the c_d are all zero.
double least_square(double largest) { return 1e-24 * largest; }

Term common_total(const DocumentProducts& products) {
  Term total{0.0, 0.0};
  for (const double value : products.common) {
    total.sum += value;
    total.square += value * value;
  }
  return total;
}

// The rows of G that differ from the common one, kRowsAtOnce of them at a time.
class RowBlock {
 public:
  RowBlock(const DocumentProducts& products, const Permutations& permutations, std::int64_t begin)
      : products_(products), permutations_(permutations), begin_(begin), row_(products.common.size()) {
    for (std::vector<Term>& terms : terms_) terms.resize(products.common.size());
  }

  // Appends the row of the firings from `first` on; returns the first firing of the next document.
  std::size_t append(std::size_t first) {
    const std::span<const Firing> firings = products_.firings;
    const auto documents = static_cast<std::int64_t>(row_.size());
    const std::int32_t document = firings[first].document;
    std::fill(row_.begin(), row_.end(), 0.0);
    std::size_t next = first;
    for (; next < firings.size() && firings[next].document == document; ++next) {
      kernels_.add_column(firings[next].value, products_.columns.get() + firings[next].position * documents, documents,
                          row_.data());
    }
    largest_ =
        std::max(largest_, kernels_.make_terms(row_.data(), products_.common.data(), documents, terms_[rows_].data()));
    from_[rows_] = terms_[rows_].data();
    targets_[rows_++] = permutations_.targets(document) + begin_;
    return next;
  }

  bool full() const { return rows_ == kRowsAtOnce; }

  void add_to(std::span<Term> totals) {
    kernels_.add_terms(rows_, from_, targets_, static_cast<std::int64_t>(totals.size()), totals.data());
    rows_ = 0;
  }

  double largest() const { return largest_; }

 private:
  const PermutationKernels& kernels_ = permutation_kernels();
  const DocumentProducts& products_;
  const Permutations& permutations_;
  std::int64_t begin_;
  std::vector<double> row_;               // [D]
  std::vector<Term> terms_[kRowsAtOnce];  // [D] each
  const Term* from_[kRowsAtOnce] = {};
  const std::uint16_t* targets_[kRowsAtOnce] = {};
  int rows_ = 0;
  double largest_ = 0.0;
};

}  // namespace

double observed_statistic(const DocumentProducts& products) {
  const auto documents = static_cast<std::int64_t>(products.common.size());
  Term total = common_total(products);
  double largest = total.square;
  for (std::size_t i = 0; i < products.firings.size();) {
    const std::int32_t document = products.firings[i].document;
    double excess = 0.0;
    for (; i < products.firings.size() && products.firings[i].document == document; ++i) {
      excess += products.firings[i].value * products.columns.get()[products.firings[i].position * documents + document];
    }
    total.sum += excess;
    total.square += excess * (excess + 2.0 * products.common[document]);
    largest = std::max(largest, excess * excess);
  }
  double statistic = 0.0;
  permutation_kernels().studentise(&total, least_square(largest), 1, &statistic);
  return statistic;
}

void permuted_statistics(const DocumentProducts& products, const Permutations& permutations, std::int64_t begin,
                         std::span<double> out) {
  const Term common = common_total(products);
  std::vector<Term> totals(out.size(), common);
  RowBlock block(products, permutations, begin);
  for (std::size_t i = 0; i < products.firings.size();) {
    i = block.append(i);
    if (block.full() || i == products.firings.size()) block.add_to(totals);
  }
  permutation_kernels().studentise(totals.data(), least_square(std::max(common.square, block.largest())),
                           static_cast<std::int64_t>(totals.size()), out.data());
}

}  // namespace energy_lens
