// What compute_efas refuses, and the positions it keeps.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/alignment/efas.h"

namespace energy_lens {

// Errors: BadInput (shapes, gradients or norm_scale not finite), Usage (options).
void check_efas(const EfasInput& input, const EfasOptions& options);

// The positions of the mask, ascending. Errors: BadInput (mask not [T], fewer than two kept).
std::vector<std::int64_t> kept_positions(const EfasInput& input);

// Those of `positions` where the values [D, T] are finite in every document.
std::vector<std::int64_t> finite_positions(const at::Tensor& values, std::span<const std::int64_t> positions);

}  // namespace energy_lens
