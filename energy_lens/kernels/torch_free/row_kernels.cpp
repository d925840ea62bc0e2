#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "energy_lens/kernels/torch_free/row_kernels.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/native_pairs-inl.h"
#include "energy_lens/kernels/torch_free/row_kernels-inl.h"
#if EL_NATIVE_PAIRS
#include "energy_lens/kernels/torch_free/row_pairs-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const RowKernels* VectorRowKernels() {
#if EL_NATIVE_PAIRS
  if (__builtin_cpu_supports("avx512bf16")) return &PairKernelsOfTarget();
#endif
  return &KernelsOfTarget();
}

}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace energy_lens {

HWY_EXPORT(VectorRowKernels);

const RowKernels& best_row_kernels() { return *HWY_DYNAMIC_DISPATCH(VectorRowKernels)(); }

}  // namespace energy_lens
#endif
