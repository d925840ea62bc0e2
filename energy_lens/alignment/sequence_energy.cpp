#include "energy_lens/alignment/sequence_energy.h"

#include <limits>

#include "energy_lens/lens/sequence_difference.h"

namespace energy_lens {
namespace {

// out[d, t] = x[d, t - lag]; NaN where there is no such token.
at::Tensor lagged(const at::Tensor& x, std::int64_t lag) {
  at::Tensor out = at::full_like(x, std::numeric_limits<double>::quiet_NaN());
  const std::int64_t tokens = x.size(1), size = tokens - std::abs(lag);
  if (size <= 0) return out;
  out.narrow(1, std::max<std::int64_t>(lag, 0), size).copy_(x.narrow(1, std::max<std::int64_t>(-lag, 0), size));
  return out;
}

}  // namespace

std::vector<ScalarSeries> sequence_series(const at::Tensor& energy, const at::Tensor& depth_descent) {
  const at::Tensor e = energy.to(at::kDouble);
  std::vector<ScalarSeries> series = {
      {"seq", -central_difference(e)}, {"energy_before", lagged(e, 1)}, {"energy", e}, {"energy_after", lagged(e, -1)}};
  if (depth_descent.defined()) series.push_back({"depth", depth_descent.to(at::kDouble)});
  return series;
}

}  // namespace energy_lens
