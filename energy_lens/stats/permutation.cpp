#include "energy_lens/stats/permutation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/stats/document_rows.h"
#include "energy_lens/stats/permuted_statistic.h"
#include "energy_lens/stats/screened_statistic.h"

namespace energy_lens {
namespace {

// Many, so that threads seldom wait for each other; but each may have a series of its own, 12 bytes a token.
constexpr std::int64_t kFeatureBlock = 128;
constexpr std::int64_t kPermutationBlock = 512;
constexpr std::int64_t kMostDocuments = 65536;  // what the permutations' 16 bits can name

class Test {
 public:
  Test(std::int64_t features, const ProductsOf& products, const Permutations& permutations, Progress& progress)
      : features_(features), products_(products), permutations_(permutations), progress_(progress) {}

  PermutationTest run() {
    observe();
    order_.resize(result_.statistic.size());
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::int64_t i, std::int64_t j) {
      return std::abs(result_.statistic[i]) < std::abs(result_.statistic[j]);
    });
    counts_.assign(static_cast<std::size_t>(features_), {});
    maxima_.assign(static_cast<std::size_t>(permutations_.count), 0.0);
    statistics_.resize(static_cast<std::size_t>(std::min(features_, kFeatureBlock) * permutations_.count));
    for (std::int64_t begin = 0, end = 0; begin < features_; begin = end) {
      progress_.check();
      end = std::min(features_, begin + kFeatureBlock);
      count_block(std::span<const std::int64_t>(order_).subspan(begin, end - begin));
      progress_.advance(end - begin);
    }
    adjust();
    return std::move(result_);
  }

 private:
  std::vector<DocumentProducts> build(std::span<const std::int64_t> features) const {
    std::vector<DocumentProducts> products = products_(features);
    EL_ASSERT(products.size() == features.size());
    for (const DocumentProducts& one : products) {
      EL_ASSERT(static_cast<std::int64_t>(one.common.size()) == permutations_.documents);
    }
    return products;
  }

  void observe() {
    result_.statistic.resize(static_cast<std::size_t>(features_));
    std::vector<std::int64_t> all(result_.statistic.size());
    std::iota(all.begin(), all.end(), std::int64_t{0});
    for (std::int64_t begin = 0; begin < features_; begin += kFeatureBlock) {
      progress_.check();
      const std::int64_t end = std::min(features_, begin + kFeatureBlock);
      const std::vector<DocumentProducts> products =
          build(std::span<const std::int64_t>(all).subspan(begin, end - begin));
      parallel_blocks(end - begin, [&](std::int64_t i) {
        result_.statistic[begin + i] = PermutedStatistic(products[i]).observed();
      });
    }
  }

  // features in ascending |T|: maxima_ then holds, for each permutation, the largest |T| of this feature and all below
  // it, which is the step-down null.
  void count_block(std::span<const std::int64_t> features) {
    const std::int64_t count = permutations_.count, blocks = (count + kPermutationBlock - 1) / kPermutationBlock;
    const std::vector<DocumentProducts> products = build(features);
    const std::vector<PermutedStatistic> exact(products.begin(), products.end());
    std::vector<double> errors(features.size());
    parallel_blocks(std::ssize(features), [&](std::int64_t f) {
      errors[f] = screened_statistics(exact[f], permutations_, std::span(statistics_).subspan(f * count, count));
    });
    std::vector<std::vector<Reached>> partial(static_cast<std::size_t>(blocks), std::vector<Reached>(features.size()));
    parallel_blocks(blocks, [&](std::int64_t block) {
      const std::int64_t begin = block * kPermutationBlock, size = std::min(kPermutationBlock, count - begin);
      for (std::size_t f = 0; f < features.size(); ++f) {
        partial[block][f] = count_reached(exact[f], std::span(statistics_).subspan(f * count + begin, size), errors[f],
                                          result_.statistic[features[f]], begin);
      }
    });
    for (const std::vector<Reached>& block : partial) {
      for (std::size_t f = 0; f < features.size(); ++f) counts_[features[f]] += block[f];
    }
  }

  // statistics: those of the permutations from `begin` on. One whose error leaves a comparison open, or which may set a
  // maximum, is computed again in fp64 and counted here, the others all at once.
  Reached count_reached(const PermutedStatistic& exact, std::span<float> statistics, double error, double observed,
                        std::int64_t begin) {
    const PermutationKernel& kernels = best_permutation_kernel();
    const double size = std::abs(observed), slack = kPermutationTie * size, reach = size - slack;
    double* const maxima = maxima_.data() + begin;
    std::array<std::int32_t, kPermutationBlock> open;
    const std::int64_t count = std::ssize(statistics);
    // Rounding `observed` to fp32 is part of the error.
    const std::int64_t opened =
        kernels.undecided(statistics.data(), error + 2.0 * slack + 0x1p-22 * size, maxima, size, count, open.data());
    Reached settled;
    for (const std::int32_t p : std::span(open).first(opened)) {
      const double t = exact.permuted(permutations_, begin + p);
      statistics[p] = std::numeric_limits<float>::quiet_NaN();
      maxima[p] = std::max(maxima[p], std::abs(t));
      settled += {std::abs(t) >= reach, t >= observed - slack, t <= observed + slack, 0};
    }
    return settled += kernels.count_reached(statistics.data(), maxima, observed, reach, count);
  }

  double p_value(std::int64_t reached) const {
    return static_cast<double>(reached + 1) / static_cast<double>(permutations_.count + 1);
  }

  void adjust() {
    std::vector<double> sorted = maxima_;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t n = counts_.size();
    for (std::vector<double>* column :
         {&result_.p, &result_.p_greater, &result_.p_less, &result_.single_step, &result_.step_down}) {
      column->assign(n, 1.0);
    }
    double largest = 0.0;
    for (std::size_t i = n; i-- > 0;) {  // most extreme first: an adjusted p never falls below a stronger feature's
      const std::int64_t f = order_[i];
      const double reach = std::abs(result_.statistic[f]) * (1.0 - kPermutationTie);
      const auto reached = sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), reach);
      largest = std::max(largest, p_value(counts_[f].maximum));
      result_.p[f] = p_value(counts_[f].two_sided);
      result_.p_greater[f] = p_value(counts_[f].greater);
      result_.p_less[f] = p_value(counts_[f].less);
      result_.single_step[f] = p_value(reached);
      result_.step_down[f] = largest;
    }
  }

  std::int64_t features_;
  const ProductsOf& products_;
  const Permutations& permutations_;
  Progress& progress_;
  PermutationTest result_;
  std::vector<std::int64_t> order_;
  std::vector<Reached> counts_;
  std::vector<double> maxima_;
  std::vector<float> statistics_;  // [kFeatureBlock, P] of the block at hand
};

}  // namespace

Permutations document_permutations(std::int64_t documents, std::int64_t count, std::uint64_t seed,
                                   std::span<const std::int64_t> strata) {
  if (documents < 1 || documents > kMostDocuments || count < 1 ||
      (!strata.empty() && static_cast<std::int64_t>(strata.size()) != documents)) {
    fail(ErrorKind::Usage, "document_permutations",
         "got " + std::to_string(documents) + " documents, " + std::to_string(count) + " permutations and " +
             std::to_string(strata.size()) +
             " strata labels, expected 1 to 65,536 documents, at least one permutation and one label a document");
  }
  std::map<std::int64_t, std::vector<std::int64_t>> members;
  for (std::int64_t d = 0; d < documents; ++d) members[strata.empty() ? 0 : strata[d]].push_back(d);
  Permutations permutations{documents, count, {}};
  permutations.index.resize(static_cast<std::size_t>(documents * count));
  const auto draw = [&](std::int64_t p) {
    Philox random(seed, "permutation", static_cast<std::uint64_t>(p));
    for (const auto& [label, from] : members) {
      std::vector<std::int64_t> to = from;
      random.shuffle(to);
      for (std::size_t i = 0; i < from.size(); ++i) {
        permutations.index[from[i] * count + p] = static_cast<std::uint16_t>(to[i]);
      }
    }
  };
  constexpr std::int64_t kTogether = 64;  // of one document, whole cache lines
  parallel_blocks((count + kTogether - 1) / kTogether, [&](std::int64_t block) {
    for (std::int64_t p = block * kTogether; p < std::min(count, (block + 1) * kTogether); ++p) draw(p);
  });
  return permutations;
}

SeriesColumns::SeriesColumns(std::vector<double> by_position, std::int64_t documents) : documents_(documents) {
  EL_ASSERT(documents > 0 && std::ssize(by_position) % documents == 0);
  const auto held = std::make_shared<Held>();
  held->values = std::move(by_position);
  held->shares.resize(held->values.size());
  for (std::int64_t begin = 0; begin < std::ssize(held->values); begin += documents) {
    const std::span<const double> column = std::span<const double>(held->values).subspan(begin, documents);
    const double largest = best_permutation_kernel().largest_magnitude(column.data(), documents);
    held->largest.push_back(largest);
    shares_of(column, largest, std::span(held->shares).subspan(begin, documents));
  }
  held_ = held;
}

void SeriesColumns::add(std::span<const std::int32_t> positions, std::span<const double> weights,
                        std::span<double> row) const {
  EL_ASSERT(std::ssize(row) == documents_ && positions.size() == weights.size());
  std::vector<const double*> columns;
  for (const std::int32_t position : positions) columns.push_back(column(position).data());
  best_permutation_kernel().add_columns(weights.data(), columns.data(), std::ssize(columns), documents_, row.data());
}

DocumentProducts dense_products(std::span<const double> g, std::int64_t documents) {
  EL_ASSERT(static_cast<std::int64_t>(g.size()) == documents * documents);
  DocumentProducts products;
  products.common.assign(static_cast<std::size_t>(documents), 0.0);
  for (std::int32_t d = 0; d < documents; ++d) products.firings.push_back({d, d, 1.0});
  products.columns = {std::vector<double>(g.begin(), g.end()), documents};
  return products;
}

PermutationTest permutation_test(std::int64_t features, const ProductsOf& products, const Permutations& permutations,
                                 Progress& progress) {
  progress.begin("permute documents", features);
  return Test(features, products, permutations, progress).run();
}

double reference_statistic(std::span<const double> a, std::span<const double> s, std::int64_t tokens,
                           std::span<const std::int64_t> permutation) {
  double sum = 0.0, squares = 0.0;
  for (std::size_t d = 0; d < permutation.size(); ++d) {
    double c = 0.0;
    for (std::int64_t t = 0; t < tokens; ++t) c += a[d * tokens + t] * s[permutation[d] * tokens + t];
    sum += c;
    squares += c * c;
  }
  return squares == 0.0 ? 0.0 : sum / std::sqrt(squares);
}

}  // namespace energy_lens
