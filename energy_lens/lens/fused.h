// lens_rows by the fused kernel (kernels/torch_free/lens_kernel.h): tensors to raw pointers, chunks to threads.
#pragma once
#include <vector>

#include "energy_lens/lens/energy.h"

namespace energy_lens {

// Whether the kernel takes these: fp32 streams on the CPU, weights in fp32 or bf16.
bool fits_fused(const std::vector<at::Tensor>& streams, const Unembed& unembed);

// As lens_rows, whose checks have passed. Every thread keeps its working memory for the next call.
std::vector<LensRows> fused_lens_rows(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                      const Unembed& unembed, const LensOptions& options);

}  // namespace energy_lens
