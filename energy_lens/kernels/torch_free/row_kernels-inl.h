// One instruction set's RowKernels. Included once a target by row_kernels.cpp, and once by row_kernels_generic.cpp.
#if defined(ENERGY_LENS_ROW_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_KERNELS_INL_H_
#undef ENERGY_LENS_ROW_KERNELS_INL_H_
#else
#define ENERGY_LENS_ROW_KERNELS_INL_H_
#endif

#include "energy_lens/kernels/torch_free/row_attention-inl.h"
#include "energy_lens/kernels/torch_free/row_norm-inl.h"
#include "energy_lens/kernels/torch_free/row_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

const RowKernels& KernelsOfTarget() {
  static const RowKernels kernels{hwy::TargetName(HWY_TARGET),
                                  kPanelColumns,
                                  Bfloat16Unit::None,
                                  MultiplyPanels<WideProduct>,
                                  ScratchOf<WideProduct>,
                                  Norm,
                                  Gate,
                                  Attend,
                                  AttentionScratch};
  return kernels;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
