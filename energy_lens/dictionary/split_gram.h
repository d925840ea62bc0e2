// The products of every pair of atoms as orthogonal matching pursuit reads them. Private to dictionary/.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/kernels/torch_free/lens_arena.h"
#include "energy_lens/kernels/torch_free/pursuit_kernel.h"

namespace energy_lens {

// 32 bits an entry: the fp32 product to 2^-24 of itself and 2^-31 of its row's largest.
class SplitGram {
 public:
  // atoms [P, D] fp32: `count` atoms, then zeros up to P, a multiple of kPursuitPadding.
  SplitGram(const at::Tensor& atoms, std::int64_t count);

  std::int64_t count() const { return static_cast<std::int64_t>(units_.size()); }
  std::int64_t padded() const { return padded_; }
  // Row `atom`, its own entry 0.
  SplitRow row(std::int64_t atom) const {
    const std::int16_t* const upper = entries_ + atom * stride_;
    return {upper, upper + padded_};
  }
  // The product of two atoms; position: where the second stands in a row (PursuitKernel::position).
  double entry(std::int64_t atom, std::int64_t position) const {
    const SplitRow own = row(atom);
    return units_[atom] * (own.upper[position] * 65536 + own.lower[position]);
  }
  double unit(std::int64_t atom) const { return units_[atom]; }      // of a row's entries
  double square(std::int64_t atom) const { return squares_[atom]; }  // an atom's product with itself
  double longest() const { return longest_; }                        // length of the longest atom

 private:
  LensArena memory_;                       // large pages: choosing atoms jumps from row to row
  const std::int16_t* entries_ = nullptr;  // [K, 2 P], rows stride_ apart
  std::int64_t padded_ = 0, stride_ = 0;
  double longest_ = 0.0;
  std::vector<double> units_, squares_;
};

}  // namespace energy_lens
