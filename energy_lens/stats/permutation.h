// Document permutation: is a series a aligned with a series s beyond what documents with nothing in common show?
// A whole document of a meets a whole document of s at the same positions, so autocorrelation, topic effects and shared
// position trends keep their shape under the null. With c_d = sum_t a[d, t] s[pi(d), t] the statistic is studentised,
//   T(pi) = sum_d c_d / sqrt(sum_d c_d^2)       (DiCiccio and Romano 2017; unstudentised tests independence instead),
// and needs only G[d, d'] = sum_t a[d, t] s[d', t]. A sparse a leaves most rows of G equal: a permutation then costs
// one look-up for each document where a is active. All features share the permutations, which makes the maximum over
// features a valid null (Westfall and Young 1993). p = (b + 1) / (P + 1), never 0.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "energy_lens/core/progress.h"

namespace energy_lens {

// pi_p(d) = index[d * count + p]. Permutation p is drawn from Philox(seed, "permutation", p).
struct Permutations {
  std::int64_t documents = 0;
  std::int64_t count = 0;
  std::vector<std::uint16_t> index;  // [D, P]

  const std::uint16_t* targets(std::int64_t document) const { return index.data() + document * count; }
};

// strata [D]: documents change places only inside a stratum; empty means one stratum.
// Errors: Usage (documents outside 1..65,536, count < 1, strata of another length).
Permutations document_permutations(std::int64_t documents, std::int64_t count, std::uint64_t seed,
                                   std::span<const std::int64_t> strata = {});

// One token where a feature is active.
struct Firing {
  std::int32_t document;
  std::int32_t position;
  double value;
};

// A series s by position, [positions, D]. Copies share it; what is returned lives as long as one of them. One made of
// nothing has no position to ask for.
class SeriesColumns {
 public:
  SeriesColumns() = default;
  // by_position [positions, D]
  SeriesColumns(std::vector<double> by_position, std::int64_t documents);

  std::span<const double> column(std::int64_t position) const { return part(held_->values, position); }
  // The largest |s| of the position; NaN where one is not finite.
  double largest(std::int64_t position) const { return held_->largest[position]; }
  // column(position) / largest(position) rounded to fp32, 0 where that is.
  std::span<const float> shares(std::int64_t position) const { return part(held_->shares, position); }
  // row[d] += sum over i of weights[i] * column(positions[i])[d]
  void add(std::span<const std::int32_t> positions, std::span<const double> weights, std::span<double> row) const;

 private:
  struct Held {
    std::vector<double> values, largest;
    std::vector<float> shares;
  };

  template <typename T>
  std::span<const T> part(const std::vector<T>& all, std::int64_t position) const {
    return std::span<const T>(all).subspan(position * documents_, documents_);
  }

  std::shared_ptr<const Held> held_;
  std::int64_t documents_ = 0;
};

// G of one feature as what it is made of; its rows are formed when they are read and never kept:
//   G[d, d'] = common[d'] + sum over the firings of document d of value * columns[position, d'].
// Only pairs of one stratum are ever read.
struct DocumentProducts {
  std::vector<double> common;   // [D]
  std::vector<Firing> firings;  // documents ascending
  SeriesColumns columns;
};

// From a full G [D, D], which is copied: every document is active.
DocumentProducts dense_products(std::span<const double> g, std::int64_t documents);

// Returns the products of the given features, in order. Called twice for each feature, from the calling thread.
using ProductsOf = std::function<std::vector<DocumentProducts>(std::span<const std::int64_t> features)>;

// One entry a feature. A feature whose c_d are all zero has statistic 0 and every p 1.
struct PermutationTest {
  std::vector<double> statistic;    // T of the data
  std::vector<double> p;            // two-sided
  std::vector<double> p_greater;    // one-sided, T large
  std::vector<double> p_less;       // one-sided, T small
  std::vector<double> single_step;  // max-T adjusted over all features
  std::vector<double> step_down;    // Westfall-Young, <= single_step
};

// Holds the products of 128 features and their 128 x P statistics at a time; of all features only counts, of all
// permutations only running maxima. Comparisons are made in fp32 with a bound on its error, and those it leaves open in
// fp64: counts are those of fp64. The numbers depend neither on the number of threads nor on how features are
// blocked.
PermutationTest permutation_test(std::int64_t features, const ProductsOf& products, const Permutations& permutations,
                                 Progress& progress = no_progress());

// The readable reference: T from the series a, s [D, T] themselves and one permutation [D].
double reference_statistic(std::span<const double> a, std::span<const double> s, std::int64_t tokens,
                           std::span<const std::int64_t> permutation);

}  // namespace energy_lens
