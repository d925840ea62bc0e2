// One instruction set's LensTiles. Included once a target by lens_tiles.cpp, and once by lens_tiles_generic.cpp.
#if defined(ENERGY_LENS_LENS_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_LENS_TILES_INL_H_
#undef ENERGY_LENS_LENS_TILES_INL_H_
#else
#define ENERGY_LENS_LENS_TILES_INL_H_
#endif

#include "energy_lens/kernels/torch_free/ahead-inl.h"
#include "energy_lens/kernels/torch_free/lens_measure-inl.h"
#include "energy_lens/kernels/torch_free/lens_panel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

const LensTiles& TilesOfTarget() {
  static const LensTiles tiles = {hwy::TargetName(HWY_TARGET),
                                  kGroup,
                                  kTileRows,
                                  kTileRows,
                                  kPanelBytes,
                                  kTallest,
                                  kUsefulRows,
                                  0.0,
                                  nullptr,
                                  Pack,
                                  Multiply,
                                  TargetLogits,
                                  Cap,
                                  Measure,
                                  Slope,
                                  Accumulate};
  return tiles;
}

// Sums come and go once a panel: where more of it stays near, seldom.
[[maybe_unused]] const LensTiles& TallTilesOfTarget() {
  static const LensTiles tall = [] {
    LensTiles made = TilesOfTarget();
    made.panel_bytes = 4 * kPanelBytes;
    made.most_height = kMostHeight;
    return made;
  }();
  return tall;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
