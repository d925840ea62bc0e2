// Sums of products of bf16 numbers in fp32, two at a time: AVX512-BF16's vdpbf16ps, at twice the rate of fp32 on Zen 4.
// With EL_NATIVE_PAIRS 0 it is emulated, for tests. Wrap what calls these in EL_BEFORE_PAIRS() .. EL_AFTER_PAIRS().
// Included once a target: hence no include guard.
#include "energy_lens/kernels/torch_free/register_tile-inl.h"

#undef EL_BEFORE_PAIRS
#undef EL_AFTER_PAIRS
#if EL_NATIVE_PAIRS
#include <immintrin.h>
#define EL_BEFORE_PAIRS() HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512bf16")
#define EL_AFTER_PAIRS() HWY_POP_ATTRIBUTES
#else
#define EL_BEFORE_PAIRS() HWY_BEFORE_NAMESPACE();
#define EL_AFTER_PAIRS() HWY_AFTER_NAMESPACE();
#endif

EL_BEFORE_PAIRS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

using U = hn::RebindToUnsigned<F>;
using VU = hn::Vec<U>;

// sum + the products of both bf16 halves.
HWY_INLINE V PairDot(V sum, VU a, VU b) {
#if EL_NATIVE_PAIRS
  return V{_mm512_dpbf16_ps(sum.raw, reinterpret_cast<__m512bh>(a.raw), reinterpret_cast<__m512bh>(b.raw))};
#else
  const F f;
  const VU high = hn::Set(U(), 0xFFFF0000u);
  sum = hn::MulAdd(hn::BitCast(f, hn::ShiftLeft<16>(a)), hn::BitCast(f, hn::ShiftLeft<16>(b)), sum);
  return hn::MulAdd(hn::BitCast(f, hn::And(a, high)), hn::BitCast(f, hn::And(b, high)), sum);
#endif
}

// kLanes columns of two rows, side by side.
HWY_INLINE VU PairLanes(const std::uint16_t* first, const std::uint16_t* second) {
  const U u;
  const hn::Rebind<std::uint16_t, U> half;
  return hn::Or(hn::PromoteTo(u, hn::LoadU(half, first)), hn::ShiftLeft<16>(hn::PromoteTo(u, hn::LoadU(half, second))));
}

// 2 kLanes columns of two rows, side by side.
HWY_INLINE void StorePairs(const std::uint16_t* first, const std::uint16_t* second, std::uint32_t* to) {
#if EL_NATIVE_PAIRS
  HWY_ALIGN static constexpr std::uint16_t kPlaces[64] = {
      0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
      11, 43, 12, 44, 13, 45, 14, 46, 15, 47, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53,
      22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63};
  const __m512i a = _mm512_loadu_si512(first), b = _mm512_loadu_si512(second);
  _mm512_storeu_si512(to, _mm512_permutex2var_epi16(a, _mm512_load_si512(kPlaces), b));
  _mm512_storeu_si512(to + kLanes, _mm512_permutex2var_epi16(a, _mm512_load_si512(kPlaces + 32), b));
#else
  hn::StoreU(PairLanes(first, second), U(), to);
  hn::StoreU(PairLanes(first + kLanes, second + kLanes), U(), to + kLanes);
#endif
}

// fp32 -> the nearest bf16 (ties to even) of a finite number, in the high half.
HWY_INLINE VU RoundedHigh(V x) {
  const U u;
  const VU bits = hn::BitCast(u, x);
  const VU odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1u));
  return hn::And(hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7FFFu))), hn::Set(u, 0xFFFF0000u));
}

// to [count] = the nearest bf16 of each number; NaN stays NaN.
HWY_INLINE void RoundNumbers(const float* from, std::int64_t count, std::uint16_t* to) {
  std::int64_t i = 0;
#if EL_NATIVE_PAIRS
  for (; i + kLanes <= count; i += kLanes) {
    const __m256bh rounded = _mm512_cvtneps_pbh(hn::LoadU(F(), from + i).raw);
    std::memcpy(to + i, &rounded, sizeof(rounded));
  }
#endif
  for (; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, from + i, sizeof(bits));
    const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    to[i] = static_cast<std::uint16_t>(nan ? bits >> 16 | 0x40u : (bits + (bits >> 16 & 1u) + 0x7FFFu) >> 16);
  }
}

// Rounded, for finite numbers: `first` in the low halves, `second` in the high ones. Numbers too small for fp32's
// exponent, which a product takes as zero, may be zero already.
HWY_INLINE VU Paired(V first, V second) {
#if EL_NATIVE_PAIRS
  static_assert(kLanes == 16);
  HWY_ALIGN static constexpr std::uint16_t kTurns[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                         8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512bh halves = _mm512_cvtne2ps_pbh(second.raw, first.raw);
  return VU{_mm512_permutexvar_epi16(_mm512_load_si512(kTurns), reinterpret_cast<__m512i>(halves))};
#else
  return hn::Or(hn::ShiftRight<16>(RoundedHigh(first)), RoundedHigh(second));
#endif
}

// Numbers as the sum of two bf16 ones, in pairs: what rounding makes of them, and what it leaves, rounded.
struct TwoParts {
  VU rounded, left;
};
HWY_INLINE TwoParts Split(V first, V second) {
  const F f;
  const VU rounded = Paired(first, second), high = hn::Set(U(), 0xFFFF0000u);
  const V first_left = hn::Sub(first, hn::BitCast(f, hn::ShiftLeft<16>(rounded)));
  return {rounded, Paired(first_left, hn::Sub(second, hn::BitCast(f, hn::And(rounded, high))))};
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_PAIRS()
