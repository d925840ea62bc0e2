// Scalable vectors (SVE, RVV) cannot stand in arrays of registers; NEON runs on those processors too.
#include <hwy/detect_targets.h>
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

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
