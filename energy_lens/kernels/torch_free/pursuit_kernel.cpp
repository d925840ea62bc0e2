#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "energy_lens/kernels/torch_free/pursuit_kernel.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/pursuit_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const PursuitKernel* VectorPursuit() { return &PursuitOfTarget(); }

}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace energy_lens {

HWY_EXPORT(VectorPursuit);

const PursuitKernel& best_pursuit_kernel() { return *HWY_DYNAMIC_DISPATCH(VectorPursuit)(); }

}  // namespace energy_lens
#endif
