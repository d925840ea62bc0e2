// e^x of numbers that are not positive, for one instruction set: what a softmax needs, in half the instructions of an
// exponential of any number.
#if defined(ENERGY_LENS_EXPONENTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_EXPONENTIAL_INL_H_
#undef ENERGY_LENS_EXPONENTIAL_INL_H_
#else
#define ENERGY_LENS_EXPONENTIAL_INL_H_
#endif

#include "energy_lens/kernels/torch_free/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// x <= 0, -infinity included; within 2^-23 of e^x relatively, and 0 below -86, where fp32 nears its smallest numbers.
// NaN stays NaN. x = n ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts so that n times the first is exact (Cody &
// Waite); e^r is 1 + r + r^2 p(r), p fitted by reweighted least squares at Chebyshev nodes to a relative error of 3e-9.
HWY_INLINE V ExpNotPositive(V x) {
  const F f;
  constexpr float kInverseLn2 = 1.44269504f, kLn2 = 0.693359375f, kLn2Rest = -2.12194440e-4f;
  constexpr float kTerms[] = {0.49999994f, 0.16666521f, 0.041668389f, 0.0083687166f, 0.0013814601f};
  const V one = hn::Set(f, 1.0f), smallest = hn::Set(f, -86.0f);
  const auto vanishes = hn::Lt(x, smallest);
  const V bounded = hn::IfThenElse(vanishes, smallest, x);
  const V shift = hn::Set(f, 0x1.8p23f + 127.0f);
  const V shifted = hn::MulAdd(bounded, hn::Set(f, kInverseLn2), shift);  // its last bits are n + 127
  const V n = hn::Sub(shifted, shift);
  const V r = hn::NegMulAdd(n, hn::Set(f, kLn2Rest), hn::NegMulAdd(n, hn::Set(f, kLn2), bounded));
  V p = hn::Set(f, kTerms[4]);
  for (int term = 3; term >= 0; --term) p = hn::MulAdd(p, r, hn::Set(f, kTerms[term]));
  p = hn::MulAdd(hn::MulAdd(p, r, one), r, one);
  const V power = hn::BitCast(f, hn::ShiftLeft<23>(hn::BitCast(I(), shifted)));
  return hn::IfThenZeroElse(vanishes, hn::Mul(p, power));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
