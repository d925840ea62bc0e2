// Norms of rows and gates for one instruction set.
#if defined(ENERGY_LENS_ROW_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_NORM_INL_H_
#undef ENERGY_LENS_ROW_NORM_INL_H_
#else
#define ENERGY_LENS_ROW_NORM_INL_H_
#endif

#include <cmath>

#include "energy_lens/kernels/torch_free/row_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// Sum over the row of function(V); lanes beyond the end must give zero by themselves.
template <class Function>
HWY_INLINE float SumRow(std::int64_t width, const Function& function) {
  V even = hn::Zero(F()), odd = even;
  std::int64_t i = 0;
  for (; i + kLanes < width; i += 2 * kLanes) {
    even = hn::Add(even, function(i));
    odd = hn::Add(odd, function(i + kLanes));
  }
  if (i < width) even = hn::Add(even, function(i));
  return hn::GetLane(hn::SumOfLanes(F(), hn::Add(even, odd)));
}

void NormRow(const RowNorm& job, const float* x, float* y) {
  const F f;
  const float count = static_cast<float>(job.width);
  const float mean =
      job.centred ? SumRow(job.width, [&](std::int64_t i) { return LoadEnd(x, i, job.width); }) / count : 0.0f;
  const V centre = hn::Set(f, mean);
  const float squares = SumRow(job.width, [&](std::int64_t i) {
    const V away = hn::Sub(LoadEnd(x, i, job.width), centre);
    const V kept = hn::IfThenElseZero(hn::FirstN(f, static_cast<std::size_t>(job.width - i)), away);
    return hn::Mul(kept, kept);
  });
  const V inverse = hn::Set(f, 1.0f / std::sqrt(squares / count + job.eps));
  MapRow(x, job.width, y, [&](V value, std::int64_t i) {
    V unit = hn::Mul(hn::Sub(value, centre), inverse);
    if (job.gamma != nullptr) unit = hn::Mul(unit, LoadEnd(job.gamma, i, job.width));
    return job.beta != nullptr ? hn::Add(unit, LoadEnd(job.beta, i, job.width)) : unit;
  });
}

void Norm(const RowNorm& job, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r)
    NormRow(job, job.x.values + r * job.x.stride, job.y.values + r * job.y.stride);
}

void Gate(RowActivation activation, RowView gate, ConstRowView up, std::int64_t width, std::int64_t begin,
          std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) {
    float* const row = gate.values + r * gate.stride;
    const float* const other = up.values + r * up.stride;
    MapRow(row, width, row,
           [&](V value, std::int64_t i) { return hn::Mul(Activated(activation, value), LoadEnd(other, i, width)); });
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
