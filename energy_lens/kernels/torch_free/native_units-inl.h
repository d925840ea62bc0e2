// EL_NATIVE_PAIRS, EL_NATIVE_BLOCKS: whether this target may have products of bf16 pairs (AVX512-BF16) and of bf16
// blocks (AMX); which of them the processor has is asked when the program runs (bfloat16_unit.h). Decided anew for each
// target: hence no include guard.
#undef EL_NATIVE_PAIRS
#undef EL_NATIVE_BLOCKS
#if HWY_ARCH_X86_64 && HWY_TARGET <= HWY_AVX3
#define EL_NATIVE_PAIRS 1
#if defined(__linux__)
#define EL_NATIVE_BLOCKS 1
#else
#define EL_NATIVE_BLOCKS 0
#endif
#else
#define EL_NATIVE_PAIRS 0
#define EL_NATIVE_BLOCKS 0
#endif
