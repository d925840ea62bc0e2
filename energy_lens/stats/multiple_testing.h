// Adjusted p-values for m hypotheses. A NaN p-value means "not tested": it stays NaN and does not count in m.
// Errors: Usage (a p-value outside [0, 1]).
#pragma once
#include <span>
#include <vector>

namespace energy_lens {

// Family-wise error, step-down (Holm 1979).
std::vector<double> holm(std::span<const double> p);

// False discovery rate under independence or positive dependence (Benjamini and Hochberg 1995).
std::vector<double> benjamini_hochberg(std::span<const double> p);

// False discovery rate under any dependence (Benjamini and Yekutieli 2001): BH times sum_{i<=m} 1/i.
std::vector<double> benjamini_yekutieli(std::span<const double> p);

}  // namespace energy_lens
