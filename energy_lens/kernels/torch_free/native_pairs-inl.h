// EL_NATIVE_PAIRS: whether this target may have products of bf16 pairs (AVX512-BF16; whether the processor does is
// asked when the program runs). Decided anew for each target: hence no include guard.
#undef EL_NATIVE_PAIRS
#if HWY_ARCH_X86_64 && HWY_TARGET <= HWY_AVX3
#define EL_NATIVE_PAIRS 1
#else
#define EL_NATIVE_PAIRS 0
#endif
