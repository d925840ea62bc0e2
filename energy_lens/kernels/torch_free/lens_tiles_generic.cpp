// The same loops over Highway's emulated vectors, which are plain C++: what runs where no vector instructions do.
#define HWY_COMPILE_ONLY_EMU128
#include "energy_lens/kernels/torch_free/lens_tiles-inl.h"

#define EL_NATIVE_PAIRS 0
#include "energy_lens/kernels/torch_free/lens_pairs-inl.h"

#define EL_NATIVE_BLOCKS 0
#include "energy_lens/kernels/torch_free/lens_blocks-inl.h"

namespace energy_lens {

const LensTiles& generic_lens_tiles() { return HWY_NAMESPACE::TilesOfTarget(); }

const LensTiles& generic_pair_lens_tiles(LensRounding rounding) { return HWY_NAMESPACE::PairTilesOfTarget(rounding); }

const LensTiles& generic_block_lens_tiles(LensRounding rounding) { return HWY_NAMESPACE::BlockTilesOfTarget(rounding); }

}  // namespace energy_lens
