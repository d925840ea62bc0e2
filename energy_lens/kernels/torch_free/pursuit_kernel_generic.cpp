// The same loop over Highway's emulated vectors, which are plain C++: what runs where no vector instructions do.
#define HWY_COMPILE_ONLY_EMU128
#include "energy_lens/kernels/torch_free/pursuit_kernel-inl.h"

namespace energy_lens {

const PursuitKernel& generic_pursuit_kernel() { return HWY_NAMESPACE::PursuitOfTarget(); }

}  // namespace energy_lens
