#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "energy_lens/kernels/torch_free/permutation_kernel.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/permutation_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const PermutationKernel* VectorPermutation() { return &PermutationOfTarget(); }

}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace energy_lens {

HWY_EXPORT(VectorPermutation);

const PermutationKernel& best_permutation_kernel() { return *HWY_DYNAMIC_DISPATCH(VectorPermutation)(); }

}  // namespace energy_lens
#endif
