// The same loops over Highway's emulated vectors, which are plain C++: what runs where no vector instructions do.
#define HWY_COMPILE_ONLY_EMU128
#include "energy_lens/kernels/torch_free/lens_tiles-inl.h"

namespace energy_lens {

const LensTiles& generic_lens_tiles() { return HWY_NAMESPACE::TilesOfTarget(); }

}  // namespace energy_lens
