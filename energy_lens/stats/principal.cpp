#include "energy_lens/stats/principal.h"

#include <algorithm>
#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr int kIterations = 300;
constexpr double kNoVariance = 1e-12;  // of the largest axis's

using Rows = std::vector<std::vector<double>>;

Rows centred(const Rows& rows, std::vector<double>& mean) {
  mean.assign(rows.front().size(), 0.0);
  for (const std::vector<double>& row : rows) {
    if (row.size() != mean.size()) fail(ErrorKind::BadInput, "principal_axes", "got rows of different lengths");
    for (std::size_t d = 0; d < row.size(); ++d) mean[d] += row[d] / static_cast<double>(rows.size());
  }
  Rows result = rows;
  for (std::vector<double>& row : result) {
    for (std::size_t d = 0; d < row.size(); ++d) row[d] -= mean[d];
  }
  return result;
}

// sum_rows row (row . axis): the covariance, times the number of rows, applied to an axis.
std::vector<double> spread(const Rows& rows, std::span<const double> axis) {
  std::vector<double> result(axis.size(), 0.0);
  for (const std::vector<double>& row : rows) {
    const double along = dot(row, axis);
    for (std::size_t d = 0; d < result.size(); ++d) result[d] += along * row[d];
  }
  return result;
}

// Removes what lies along earlier axes (twice, against rounding); returns the length left, 0 for an axis in their span.
double orthonormalise(std::vector<double>& axis, std::span<const std::vector<double>> earlier) {
  const double before = std::sqrt(dot(axis, axis));
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::vector<double>& other : earlier) {
      const double along = dot(axis, other);
      for (std::size_t d = 0; d < axis.size(); ++d) axis[d] -= along * other[d];
    }
  }
  const double length = std::sqrt(dot(axis, axis));
  if (!(length > kNoVariance * before)) return 0.0;
  for (double& value : axis) value /= length;
  return length;
}

}  // namespace

std::vector<double> PrincipalAxes::project(std::span<const double> row) const {
  std::vector<double> shifted(row.begin(), row.end()), coordinates;
  for (std::size_t d = 0; d < shifted.size(); ++d) shifted[d] -= mean[d];
  for (const std::vector<double>& axis : axes) coordinates.push_back(dot(shifted, axis));
  return coordinates;
}

PrincipalAxes principal_axes(const Rows& rows, std::int64_t count) {
  if (rows.empty()) fail(ErrorKind::BadInput, "principal_axes", "got no row, expected at least one");
  PrincipalAxes result;
  const Rows data = centred(rows, result.mean);
  Rows axes(static_cast<std::size_t>(std::min<std::int64_t>(count, std::ssize(data))), result.mean);
  Philox random(0, "principal-axes", 0);
  for (std::vector<double>& axis : axes) {
    for (double& value : axis) value = random.normal();
  }
  std::vector<double> lengths(axes.size());
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    for (std::size_t k = 0; k < axes.size(); ++k) {
      axes[k] = spread(data, axes[k]);
      lengths[k] = orthonormalise(axes[k], std::span(axes).first(k));
    }
  }
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (!(lengths[k] > kNoVariance * lengths[0]) || lengths[0] == 0.0) break;
    const auto largest =
        std::max_element(axes[k].begin(), axes[k].end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    const double sign = *largest < 0.0 ? -1.0 : 1.0;
    for (double& value : axes[k]) value *= sign;
    result.axes.push_back(axes[k]);
  }
  return result;
}

}  // namespace energy_lens
