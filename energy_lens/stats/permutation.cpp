#include "energy_lens/stats/permutation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kFeatureBlock = 32;
constexpr std::int64_t kPermutationBlock = 512;
// Two permutations that pair the same rows in another order differ by rounding only: they are ties, counted as reached.
constexpr double kTie = 1e-11;

// What one permutation adds to the sum and to the sum of squares, kept side by side for one load.
struct Term {
  double sum;
  double square;
};

struct Prepared {
  double sum = 0.0;  // of the common row, the same for every permutation
  double square = 0.0;
  std::vector<std::int32_t> rows;
  std::vector<Term> terms;  // [rows, D]
};

Prepared prepare(const DocumentProducts& products) {
  Prepared prepared;
  const std::size_t documents = products.common.size();
  for (const double value : products.common) {
    prepared.sum += value;
    prepared.square += value * value;
  }
  prepared.rows = products.rows;
  prepared.terms.resize(products.excess.size());
  for (std::size_t i = 0; i < products.excess.size(); ++i) {
    const double e = products.excess[i], c = products.common[i % documents];
    prepared.terms[i] = {e, e * (e + 2.0 * c)};
  }
  return prepared;
}

double studentise(const Term& total, double scale) {
  // Below rounding of the largest square the c_d are all zero.
  if (total.square <= 1e-24 * scale || total.square <= 0.0) return 0.0;
  return total.sum / std::sqrt(total.square);
}

double magnitude(const Prepared& prepared) {
  double scale = prepared.square;
  for (const Term& term : prepared.terms) scale = std::max(scale, term.sum * term.sum);
  return scale;
}

double observed_statistic(const Prepared& prepared, std::int64_t documents) {
  Term total{prepared.sum, prepared.square};
  for (std::size_t r = 0; r < prepared.rows.size(); ++r) {
    const Term& term = prepared.terms[r * static_cast<std::size_t>(documents) + prepared.rows[r]];
    total.sum += term.sum;
    total.square += term.square;
  }
  return studentise(total, magnitude(prepared));
}

// T of permutations [begin, end) into out.
void permuted_statistics(const Prepared& prepared, const Permutations& permutations, std::int64_t begin,
                         std::int64_t end, std::span<double> out) {
  std::vector<Term> totals(static_cast<std::size_t>(end - begin), Term{prepared.sum, prepared.square});
  for (std::size_t r = 0; r < prepared.rows.size(); ++r) {
    const Term* terms = prepared.terms.data() + r * static_cast<std::size_t>(permutations.documents);
    const std::int32_t* to = permutations.index.data() + prepared.rows[r] * permutations.count + begin;
    for (std::size_t p = 0; p < totals.size(); ++p) {
      totals[p].sum += terms[to[p]].sum;
      totals[p].square += terms[to[p]].square;
    }
  }
  const double scale = magnitude(prepared);
  for (std::size_t p = 0; p < totals.size(); ++p) out[p] = studentise(totals[p], scale);
}

// How often a permutation reached the data, per feature.
struct Counts {
  std::int64_t two_sided = 0;
  std::int64_t greater = 0;
  std::int64_t less = 0;
  std::int64_t step_down = 0;
};

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
    for (std::int64_t begin = 0; begin < features_; begin += kFeatureBlock) {
      progress_.check();
      const std::int64_t end = std::min(features_, begin + kFeatureBlock);
      count_block(std::span<const std::int64_t>(order_).subspan(begin, end - begin));
      progress_.advance(end - begin);
    }
    adjust();
    return std::move(result_);
  }

 private:
  std::vector<Prepared> build(std::span<const std::int64_t> features) const {
    const std::vector<DocumentProducts> products = products_(features);
    EL_ASSERT(products.size() == features.size());
    std::vector<Prepared> prepared(products.size());
    parallel_blocks(static_cast<std::int64_t>(products.size()), [&](std::int64_t i) {
      EL_ASSERT(static_cast<std::int64_t>(products[i].common.size()) == permutations_.documents);
      EL_ASSERT(products[i].excess.size() == products[i].rows.size() * products[i].common.size());
      prepared[i] = prepare(products[i]);
    });
    return prepared;
  }

  void observe() {
    std::vector<std::int64_t> all(static_cast<std::size_t>(features_));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    for (std::int64_t begin = 0; begin < features_; begin += kFeatureBlock) {
      const std::int64_t end = std::min(features_, begin + kFeatureBlock);
      for (const Prepared& prepared : build(std::span<const std::int64_t>(all).subspan(begin, end - begin))) {
        result_.statistic.push_back(observed_statistic(prepared, permutations_.documents));
      }
    }
  }

  // features in ascending |T|: maxima_ then holds, for each permutation, the largest |T| of this feature and all below
  // it, which is the step-down null.
  void count_block(std::span<const std::int64_t> features) {
    const std::vector<Prepared> prepared = build(features);
    const std::int64_t blocks = (permutations_.count + kPermutationBlock - 1) / kPermutationBlock;
    std::vector<std::vector<Counts>> partial(static_cast<std::size_t>(blocks), std::vector<Counts>(features.size()));
    parallel_blocks(blocks, [&](std::int64_t block) {
      const std::int64_t begin = block * kPermutationBlock;
      const std::int64_t end = std::min(permutations_.count, begin + kPermutationBlock);
      std::vector<double> statistics(static_cast<std::size_t>(end - begin));
      for (std::size_t f = 0; f < features.size(); ++f) {
        permuted_statistics(prepared[f], permutations_, begin, end, statistics);
        partial[block][f] = count(statistics, result_.statistic[features[f]], begin);
      }
    });
    for (const std::vector<Counts>& block : partial) {
      for (std::size_t f = 0; f < features.size(); ++f) {
        Counts& total = counts_[features[f]];
        total.two_sided += block[f].two_sided;
        total.greater += block[f].greater;
        total.less += block[f].less;
        total.step_down += block[f].step_down;
      }
    }
  }

  Counts count(std::span<const double> statistics, double observed, std::int64_t begin) {
    Counts counts;
    const double slack = kTie * std::abs(observed), reach = std::abs(observed) - slack;
    for (std::size_t p = 0; p < statistics.size(); ++p) {
      double& maximum = maxima_[static_cast<std::size_t>(begin) + p];
      maximum = std::max(maximum, std::abs(statistics[p]));
      counts.two_sided += std::abs(statistics[p]) >= reach;
      counts.greater += statistics[p] >= observed - slack;
      counts.less += statistics[p] <= observed + slack;
      counts.step_down += maximum >= reach;
    }
    return counts;
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
      const double reach = std::abs(result_.statistic[f]) * (1.0 - kTie);
      const auto reached = sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), reach);
      largest = std::max(largest, p_value(counts_[f].step_down));
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
  std::vector<Counts> counts_;
  std::vector<double> maxima_;
};

}  // namespace

Permutations document_permutations(std::int64_t documents, std::int64_t count, std::uint64_t seed,
                                   std::span<const std::int64_t> strata) {
  if (documents < 1 || count < 1 || (!strata.empty() && static_cast<std::int64_t>(strata.size()) != documents)) {
    fail(ErrorKind::Usage, "document_permutations",
         "got " + std::to_string(documents) + " documents, " + std::to_string(count) + " permutations and " +
             std::to_string(strata.size()) + " strata labels, expected positive numbers and one label a document");
  }
  std::map<std::int64_t, std::vector<std::int64_t>> members;
  for (std::int64_t d = 0; d < documents; ++d) members[strata.empty() ? 0 : strata[d]].push_back(d);
  Permutations permutations{documents, count, {}};
  permutations.index.resize(static_cast<std::size_t>(documents * count));
  parallel_blocks(count, [&](std::int64_t p) {
    Philox random(seed, "permutation", static_cast<std::uint64_t>(p));
    for (const auto& [label, from] : members) {
      std::vector<std::int64_t> to = from;
      random.shuffle(to);
      for (std::size_t i = 0; i < from.size(); ++i) {
        permutations.index[from[i] * count + p] = static_cast<std::int32_t>(to[i]);
      }
    }
  });
  return permutations;
}

DocumentProducts dense_products(std::span<const double> g, std::int64_t documents) {
  EL_ASSERT(static_cast<std::int64_t>(g.size()) == documents * documents);
  DocumentProducts products;
  products.common.assign(static_cast<std::size_t>(documents), 0.0);
  products.rows.resize(static_cast<std::size_t>(documents));
  std::iota(products.rows.begin(), products.rows.end(), 0);
  products.excess.assign(g.begin(), g.end());
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
