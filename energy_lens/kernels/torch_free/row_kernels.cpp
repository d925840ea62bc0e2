#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "energy_lens/kernels/torch_free/row_kernels.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/native_units-inl.h"
#include "energy_lens/kernels/torch_free/row_kernels-inl.h"
#if EL_NATIVE_PAIRS
#include "energy_lens/kernels/torch_free/row_pairs-inl.h"
#endif
#if EL_NATIVE_BLOCKS
#include "energy_lens/kernels/torch_free/row_blocks-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const RowKernels* VectorRowKernels() {
#if EL_NATIVE_BLOCKS
  if (best_bfloat16_unit() == Bfloat16Unit::Blocks) return &BlockKernelsOfTarget();
#endif
#if EL_NATIVE_PAIRS
  if (best_bfloat16_unit() == Bfloat16Unit::Pairs) return &PairKernelsOfTarget();
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
