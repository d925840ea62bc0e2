// Which instructions this processor multiplies bf16 numbers with, where they are faster than widening them to fp32.
#pragma once

namespace energy_lens {

enum class Bfloat16Unit {
  None,
  Pairs,   // AVX512-BF16's vdpbf16ps (pair_dot-inl.h)
  Blocks,  // AMX's tdpbf16ps (block_dot-inl.h)
};

// Asked once: on Linux a process needs the kernel's leave for the registers of AMX.
Bfloat16Unit best_bfloat16_unit();

// "none", "AVX512-BF16", "AMX".
const char* name_of(Bfloat16Unit unit);

}  // namespace energy_lens
