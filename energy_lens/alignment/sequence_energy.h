// What a series of energies along a document looks like from each token. Nothing crosses a document.
#pragma once
#include <ATen/ATen.h>

#include <cstddef>
#include <vector>

#include "energy_lens/alignment/efas.h"

namespace energy_lens {

// Where each series stands in what sequence_series gives. Sequence is -central difference, and because that is the
// energy before minus the energy after and holds nothing of the token's own, the three energies stand beside it.
enum class SequenceScalar : std::size_t { Sequence, EnergyBefore, Energy, EnergyAfter, Depth };

// The scalar variants of EFAS for energies [D, T]. Depth only with depth_descent [D, T] = E^l - E^L defined.
std::vector<ScalarSeries> sequence_series(const at::Tensor& energy, const at::Tensor& depth_descent = {});

}  // namespace energy_lens
