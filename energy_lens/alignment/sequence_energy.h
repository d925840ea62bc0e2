// What a series of energies along a document looks like from each token. Nothing crosses a document.
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "energy_lens/alignment/efas.h"

namespace energy_lens {

// The scalar variants of EFAS for energies [D, T]: "seq" is -central difference, and because that is the energy before
// minus the energy after and holds nothing of the token's own, "energy_before", "energy" and "energy_after" stand
// beside it. With depth_descent [D, T] = E^l - E^L defined, also "depth".
std::vector<ScalarSeries> sequence_series(const at::Tensor& energy, const at::Tensor& depth_descent = {});

}  // namespace energy_lens
