#include "energy_lens/alignment/partial_alignment.h"

#include <algorithm>
#include <cmath>

#include "energy_lens/alignment/efas_input.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

// fp32 covariates that are equal but for rounding differ by 1e-7 of their size.
constexpr double kRoundingShare = 1e-12;  // of a sum of squares

}  // namespace

PartialAlignment::PartialAlignment(const EfasInput& input, std::span<const std::int64_t> positions)
    : kept_(static_cast<std::int64_t>(positions.size())) {
  std::vector<std::int64_t> finite(positions.begin(), positions.end());
  for (const ScalarSeries& covariate : input.covariates) {
    check_shape("compute_efas", "covariate " + covariate.name, covariate.values,
                {{"D", input.documents}, {"T", input.tokens}});
    finite = finite_positions(covariate.values, finite);
    if (!finite.empty()) continue;
    fail(ErrorKind::BadInput, "compute_efas",
         "got covariate \"" + covariate.name + "\" that leaves no position where all are finite in every document");
  }
  for (std::int64_t rank = 0; rank < kept_; ++rank) {
    if (std::ranges::binary_search(finite, positions[rank])) used_.push_back(rank);
  }
  windows_ = make_windows(input.documents, static_cast<std::int64_t>(used_.size()), input.strata);
  for (const ScalarSeries& covariate : input.covariates) {
    const at::Tensor values =
        covariate.values.index_select(1, at::tensor(finite, at::kLong)).to(at::kDouble).contiguous();
    std::vector<double> x(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
    const double raw = dot(x, x);
    remove_all(x);
    const double left = dot(x, x);
    if (!(left > kRoundingShare * raw)) continue;
    for (double& value : x) value /= std::sqrt(left);
    basis_.push_back(std::move(x));
  }
}

std::vector<double> PartialAlignment::at_used(std::span<const double> x) const {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(windows_.size()));
  for (std::int64_t d = 0; d < windows_.documents; ++d) {
    for (const std::int64_t rank : used_) out.push_back(x[d * kept_ + rank]);
  }
  return out;
}

void PartialAlignment::remove_all(std::span<double> x) const {
  remove_position_means(x, windows_);
  remove_document_means(x, windows_);
  for (const std::vector<double>& direction : basis_) {
    const double product = dot(x, direction);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= product * direction[i];
  }
}

PartialAlignment::Residuals PartialAlignment::residuals(std::span<const double> a, std::span<const double> s) const {
  Residuals residuals{at_used(a), at_used(s)};
  const double raw_aa = dot(residuals.a, residuals.a), raw_ss = dot(residuals.s, residuals.s);
  remove_all(residuals.a);
  remove_all(residuals.s);
  residuals.correlation = residual_correlation(dot(residuals.a, residuals.s), dot(residuals.a, residuals.a),
                                               dot(residuals.s, residuals.s), raw_aa, raw_ss);
  return residuals;
}

}  // namespace energy_lens
