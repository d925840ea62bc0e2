// Which instructions hand-written loops may use. Such a loop is written once, always inlined, and compiled for each
// set.
#pragma once

namespace energy_lens {

enum class InstructionSet { Generic, Avx2, Avx512 };

// The widest set of this machine: Avx2 means AVX2 with FMA, Avx512 means F, DQ and VL besides.
InstructionSet best_instruction_set();

}  // namespace energy_lens
