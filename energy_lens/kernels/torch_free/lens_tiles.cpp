#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "energy_lens/kernels/torch_free/lens_tiles.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/bfloat16_unit.h"
#include "energy_lens/kernels/torch_free/lens_tiles-inl.h"
#include "energy_lens/kernels/torch_free/native_units-inl.h"
#include "energy_lens/kernels/torch_free/processor_cache.h"
#if EL_NATIVE_PAIRS
#include "energy_lens/kernels/torch_free/lens_pairs-inl.h"
#endif
#if EL_NATIVE_BLOCKS
#include "energy_lens/kernels/torch_free/lens_blocks-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const LensTiles* VectorTiles([[maybe_unused]] bool bfloat16, [[maybe_unused]] LensRounding rounding) {
#if EL_NATIVE_BLOCKS
  if (bfloat16 && best_bfloat16_unit() == Bfloat16Unit::Blocks) return &BlockTilesOfTarget(rounding);
#endif
#if EL_NATIVE_PAIRS
  if (bfloat16 && best_bfloat16_unit() == Bfloat16Unit::Pairs) return &PairTilesOfTarget(rounding);
#endif
  constexpr std::int64_t kRoomForTall = std::int64_t{2} << 20;
  return second_level_cache_bytes() >= kRoomForTall ? &TallTilesOfTarget() : &TilesOfTarget();
}

}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace energy_lens {

HWY_EXPORT(VectorTiles);

const LensTiles& best_lens_tiles(bool bfloat16, LensRounding rounding) {
  return *HWY_DYNAMIC_DISPATCH(VectorTiles)(bfloat16, rounding);
}

}  // namespace energy_lens
#endif
