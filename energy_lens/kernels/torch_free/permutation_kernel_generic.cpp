// The same loop over Highway's emulated vectors, which are plain C++: what runs where no vector instructions do.
#define HWY_COMPILE_ONLY_EMU128
#include "energy_lens/kernels/torch_free/permutation_kernel-inl.h"

namespace energy_lens {

const PermutationKernel& generic_permutation_kernel() { return HWY_NAMESPACE::PermutationOfTarget(); }

}  // namespace energy_lens
