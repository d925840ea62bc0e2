// Alignment with covariates held fixed: both series keep what a least-squares fit on the covariates, on position means
// (inside strata) and on document means leaves of them. By Frisch and Waugh (1933) that is the regression of the
// within-document series on the within-document covariates.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/alignment/windows.h"

namespace energy_lens {

class PartialAlignment {
 public:
  // The covariates of the input at the kept positions; a position where some covariate of some document is not finite
  // is left out. A covariate that means and earlier covariates explain down to fp32 rounding counts for nothing.
  // Errors: BadInput (a covariate not [D, T], no position left).
  PartialAlignment(const EfasInput& input, std::span<const std::int64_t> positions);

  struct Residuals {
    std::vector<double> a, s;  // [D * tokens]
    double correlation = 0.0;  // NaN where nothing but rounding is left of one
  };
  Residuals residuals(std::span<const double> a, std::span<const double> s) const;  // [D * kept], nothing removed

  std::int64_t tokens() const { return windows_.tokens; }  // positions that are not left out

 private:
  std::vector<double> at_used(std::span<const double> x) const;
  void remove_all(std::span<double> x) const;  // means, then covariates

  std::int64_t kept_;
  std::vector<std::int64_t> used_;  // ranks among the kept positions
  Windows windows_;
  std::vector<std::vector<double>> basis_;  // orthonormal, within-document
};

}  // namespace energy_lens
