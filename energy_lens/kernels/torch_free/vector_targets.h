// The instruction sets that kernels are compiled for; included before anything else of Highway.
#pragma once

#ifdef ENERGY_LENS_GENERIC_KERNELS  // plain C++ alone, as on a processor without vector instructions
#define HWY_COMPILE_ONLY_EMU128
#endif
#include <hwy/detect_targets.h>

// Scalable vectors (SVE, RVV) cannot stand in arrays of registers; NEON runs on those processors too.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
