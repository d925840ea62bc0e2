// How many independent tokens a correlation of two autocorrelated series is worth (Bayley and Hammersley 1946).
#pragma once
#include <cstdint>
#include <span>

namespace energy_lens {

// a, s [documents, tokens] row-major, centred by the caller; lags never cross documents.
// N_eff = N / (1 + 2 sum_h rho_a(h) rho_s(h)), h = 1.. up to the first non-positive product (after it the estimates
// are noise, and the sum of all of them would be), so N_eff <= N. NaN where a series is zero.
double effective_size(std::span<const double> a, std::span<const double> s, std::int64_t documents,
                      std::int64_t tokens);

}  // namespace energy_lens
