// The studentised statistic of one feature, observed and permuted, from its sparse products. Private to stats/.
#pragma once
#include <cmath>
#include <cstdint>

#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// Two permutations that pair the same rows in another order differ by rounding only: they are ties, counted as reached.
constexpr double kPermutationTie = 1e-11;

// Below rounding of the largest square seen the c_d are all zero.
constexpr double least_square(double largest) { return 1e-24 * largest; }

// One document's c_d.
inline void add_product(double product, Term& total) {
  total.sum += product;
  total.square += product * product;
}

// T of both sums; 0 where the squares are no more than `least`.
inline double studentised(const Term& total, double least) {
  return total.square > least ? total.sum / std::sqrt(total.square) : 0.0;
}

// T in fp64, one permutation at a time and without forming a row of G.
class PermutedStatistic {
 public:
  explicit PermutedStatistic(const DocumentProducts& products);  // kept by reference

  double observed() const;  // T of the data
  double permuted(const Permutations& permutations, std::int64_t permutation) const;

  const DocumentProducts& products() const { return products_; }
  // What T would be made of if every row of G were the common one.
  const Term& common() const { return common_; }

 private:
  template <typename TargetOf>
  double of(const TargetOf& target_of) const;

  const DocumentProducts& products_;
  Term common_{0.0, 0.0};
};

}  // namespace energy_lens
