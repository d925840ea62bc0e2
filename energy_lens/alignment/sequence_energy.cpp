#include "energy_lens/alignment/sequence_energy.h"

#include <limits>

#include "energy_lens/core/shape.h"

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

at::Tensor central_difference(const at::Tensor& energy) {
  check_shape("central_difference", "energy", energy, {{"D"}, {"T"}});
  const at::Tensor e = energy.to(at::kDouble);
  const std::int64_t tokens = e.size(1);
  if (tokens < 2) return at::full_like(e, std::numeric_limits<double>::quiet_NaN());
  at::Tensor out = at::empty_like(e);
  out.select(1, 0).copy_(e.select(1, 1) - e.select(1, 0));
  out.select(1, tokens - 1).copy_(e.select(1, tokens - 1) - e.select(1, tokens - 2));
  if (tokens > 2) {
    out.narrow(1, 1, tokens - 2).copy_((e.narrow(1, 2, tokens - 2) - e.narrow(1, 0, tokens - 2)) * 0.5);
  }
  return out;
}

std::vector<ScalarSeries> sequence_series(const at::Tensor& energy, const at::Tensor& depth_descent) {
  const at::Tensor e = energy.to(at::kDouble);
  std::vector<ScalarSeries> series = {
      {"seq", -central_difference(e)}, {"energy_before", lagged(e, 1)}, {"energy", e}, {"energy_after", lagged(e, -1)}};
  if (depth_descent.defined()) series.push_back({"depth", depth_descent.to(at::kDouble)});
  return series;
}

}  // namespace energy_lens
