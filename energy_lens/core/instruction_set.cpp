#include "energy_lens/core/instruction_set.h"

namespace energy_lens {
namespace {

InstructionSet detect() {
#if defined(__x86_64__) && !defined(ENERGY_LENS_GENERIC_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return InstructionSet::Avx512;
  }
  if (avx2) return InstructionSet::Avx2;
#endif
  return InstructionSet::Generic;
}

}  // namespace

InstructionSet best_instruction_set() {
  static const InstructionSet best = detect();
  return best;
}

}  // namespace energy_lens
