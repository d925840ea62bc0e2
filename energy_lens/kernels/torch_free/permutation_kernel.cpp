#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "energy_lens/kernels/torch_free/permutation_kernel.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/permutation_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const PermutationKernel* VectorPermutation() {
#if HWY_ARCH_X86_64 && HWY_TARGET <= HWY_AVX3
  // AMD's gathers are slower than as many loads.
  static const PermutationKernel gathering = [] {
    PermutationKernel made = PermutationOfTarget();
    made.add_packed = GatherPacked;
    return made;
  }();
  if (__builtin_cpu_is("intel")) return &gathering;
#endif
  return &PermutationOfTarget();
}

}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace energy_lens {

HWY_EXPORT(VectorPermutation);

const PermutationKernel& best_permutation_kernel() { return *HWY_DYNAMIC_DISPATCH(VectorPermutation)(); }

}  // namespace energy_lens
#endif
