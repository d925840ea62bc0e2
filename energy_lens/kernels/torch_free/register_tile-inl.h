// Vectors of one instruction set and the shape of the tile of sums that a product keeps in its registers.
#if defined(ENERGY_LENS_REGISTER_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_REGISTER_TILE_INL_H_
#undef ENERGY_LENS_REGISTER_TILE_INL_H_
#else
#define ENERGY_LENS_REGISTER_TILE_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using F = hn::CappedTag<float, 16>;
using I = hn::RebindToSigned<F>;
using V = hn::Vec<F>;

constexpr int kLanes = static_cast<int>(hn::MaxLanes(F()));
// Register tiles: 6 x 2 of 16 registers, 12 x 2 or 6 x 4 of 32.
#if HWY_ARCH_ARM_A64
constexpr int kVectors = 4, kTileRows = 6;
#elif HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 2, kTileRows = 12;
#else
constexpr int kVectors = 2, kTileRows = 6;
#endif
// Register tiles must not become loops over memory.
#define EL_UNROLL _Pragma("GCC unroll 16")

HWY_INLINE float Widened(float x) { return x; }
HWY_INLINE float Widened(hwy::bfloat16_t x) { return hwy::F32FromBF16(x); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
