// The energy descent along a feature's decoder row, s_k[d, t] = -d_k . grad[d, t], and what permutations need of it.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/windows.h"

namespace energy_lens {

class DirectionalSeries {
 public:
  // gradient [D, T, Dm] and atoms [K, Dm] fp32 in model units; positions: the kept ones.
  DirectionalSeries(at::Tensor gradient, at::Tensor atoms, std::span<const std::int64_t> positions);

  // s of the given features, [F, D * kept] fp64, by fp64 products over blocks of 8 documents.
  std::vector<double> series(std::span<const std::int64_t> features) const;

  // sum_i a(i) g(i) [F, Dm] fp64, a the within-document series of the feature. Removing means is a projection, so
  // -d_j . (this row) is the product of the within-document series of a and of s_j, for any row d_j.
  std::vector<double> within_products(const FeatureIndex& index, std::span<const std::int64_t> features,
                                      const Windows& windows) const;

  std::int64_t width() const { return atoms_.size(1); }

 private:
  at::Tensor documents_of(std::int64_t begin, std::int64_t end) const;  // kept rows of documents [begin, end), fp64

  at::Tensor gradient_;   // [D, T, Dm]
  at::Tensor atoms_;      // [K, Dm]
  at::Tensor positions_;  // [kept] int64
};

}  // namespace energy_lens
