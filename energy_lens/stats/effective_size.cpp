#include "energy_lens/stats/effective_size.h"

#include <limits>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

double lagged_product(std::span<const double> x, std::int64_t documents, std::int64_t tokens, std::int64_t lag) {
  double sum = 0.0;
  for (std::int64_t d = 0; d < documents; ++d) {
    const double* row = x.data() + d * tokens;
    for (std::int64_t t = 0; t + lag < tokens; ++t) sum += row[t] * row[t + lag];
  }
  return sum;
}

}  // namespace

double effective_size(std::span<const double> a, std::span<const double> s, std::int64_t documents,
                      std::int64_t tokens) {
  EL_ASSERT(static_cast<std::int64_t>(a.size()) == documents * tokens && a.size() == s.size());
  const double aa = lagged_product(a, documents, tokens, 0), ss = lagged_product(s, documents, tokens, 0);
  if (aa == 0.0 || ss == 0.0) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0.0;
  for (std::int64_t lag = 1; lag < tokens; ++lag) {
    const double product =
        lagged_product(a, documents, tokens, lag) / aa * (lagged_product(s, documents, tokens, lag) / ss);
    if (product <= 0.0) break;
    sum += product;
  }
  return static_cast<double>(documents * tokens) / (1.0 + 2.0 * sum);
}

}  // namespace energy_lens
