// Principal axes of a few rows (orthogonal iteration on the covariance, in plain loops so that no bit depends on
// threads).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace energy_lens {

struct PrincipalAxes {
  std::vector<double> mean;               // [Dm]
  std::vector<std::vector<double>> axes;  // orthonormal, variance descending; the largest component of each is positive

  // Coordinates of a row [Dm] along the axes.
  std::vector<double> project(std::span<const double> row) const;
};

// At most `count` axes; fewer when the rows span fewer. Errors: BadInput (no row, rows of different lengths).
PrincipalAxes principal_axes(const std::vector<std::vector<double>>& rows, std::int64_t count);

}  // namespace energy_lens
