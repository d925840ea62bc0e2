#include "energy_lens/kernels/torch_free/bfloat16_unit.h"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace energy_lens {
namespace {

#if defined(__x86_64__)

bool may_use_blocks() {
#if defined(__linux__)
  if (!__builtin_cpu_supports("amx-tile") || !__builtin_cpu_supports("amx-bf16")) return false;
  constexpr long kAskPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kAskPermission, kTileData) == 0;
#else
  return false;
#endif
}

Bfloat16Unit ask() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512bf16")) return Bfloat16Unit::None;
  if (may_use_blocks()) return Bfloat16Unit::Blocks;
  // Intel's vdpbf16ps makes a multiply-add half as fast as fp32 does; AMD's twice as fast.
  return __builtin_cpu_is("intel") ? Bfloat16Unit::None : Bfloat16Unit::Pairs;
}

#else

Bfloat16Unit ask() { return Bfloat16Unit::None; }

#endif

}  // namespace

Bfloat16Unit best_bfloat16_unit() {
  static const Bfloat16Unit unit = ask();
  return unit;
}

const char* name_of(Bfloat16Unit unit) {
  switch (unit) {
    case Bfloat16Unit::Pairs:
      return "AVX512-BF16";
    case Bfloat16Unit::Blocks:
      return "AMX";
    case Bfloat16Unit::None:
      break;
  }
  return "none";
}

}  // namespace energy_lens
