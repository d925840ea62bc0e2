// The same loops over Highway's emulated vectors, which are plain C++: what runs where no vector instructions do.
#define HWY_COMPILE_ONLY_EMU128
#include "energy_lens/kernels/torch_free/row_kernels-inl.h"

#define EL_NATIVE_PAIRS 0
#include "energy_lens/kernels/torch_free/row_pairs-inl.h"

#define EL_NATIVE_BLOCKS 0
#include "energy_lens/kernels/torch_free/row_blocks-inl.h"

namespace energy_lens {

const RowKernels& generic_row_kernels() { return HWY_NAMESPACE::KernelsOfTarget(); }

const RowKernels& generic_pair_row_kernels() { return HWY_NAMESPACE::PairKernelsOfTarget(); }

const RowKernels& generic_block_row_kernels() { return HWY_NAMESPACE::BlockKernelsOfTarget(); }

}  // namespace energy_lens
