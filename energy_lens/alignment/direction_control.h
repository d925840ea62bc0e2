// Is a score about the feature's own direction? Each feature keeps its activations and borrows decoder rows d_j of
// other features of similar density; about half of a raw logit-lens EFAS survives that. One-sided: own |r| must stand
// out.
//   z_k = (|r(a_k, s_k)| - mean_j |r(a_k, s_j)|) / sd_j,  max-T over features from the borrowed z of each draw.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

// What a control needs of the tested features (F of them) and of every feature whose row may be borrowed (K of them).
struct DirectionControlInput {
  std::int64_t d_model = 0;
  std::span<const std::int64_t> tested;         // [F] feature ids
  std::span<const double> own;                  // [F] r(a_k, s_k), within documents
  std::span<const double> activation_norms;     // [F] |a_k|, within documents
  std::span<const double> products;             // [F, d_model] sum_i a_k(i) g(i), DirectionalSeries::within_products
  std::span<const double> directions;           // [K, d_model] decoder rows
  std::span<const double> direction_norms;      // [K] |s_k|, within documents; 0 marks a row not to be borrowed
  std::span<const std::int64_t> active_tokens;  // [K]
};

// One entry a tested feature; NaN where fewer than 20 rows can be borrowed, where they all score the same, or own is
// NaN.
struct DirectionControl {
  std::int64_t draws = 0;
  std::vector<double> mean;
  std::vector<double> sd;
  std::vector<double> z;
  std::vector<double> max_t;  // (b + 1) / (draws + 1)
};

// draws other rows a feature, without replacement, from the 2 * draws rows nearest in density rank; feature k's draw
// comes from Philox(seed, "shuffled-decoder", k).
DirectionControl direction_control(const DirectionControlInput& input, std::int64_t draws, std::uint64_t seed);

}  // namespace energy_lens
