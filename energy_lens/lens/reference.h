// The readable twin of the fused kernel: tensor operators on blocks of 64 rows. Any device, fp32 and fp64.
#pragma once
#include <vector>

#include "energy_lens/lens/energy.h"

namespace energy_lens {

// As lens_rows, whose checks have passed. Its workspace is about 64 (8 V + layers D) numbers a thread.
std::vector<LensRows> reference_lens_rows(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                          const Unembed& unembed, const LensOptions& options);

}  // namespace energy_lens
