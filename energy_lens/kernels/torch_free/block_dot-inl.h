// Products of bf16 matrices in fp32, 32 rows by kBlockColumns columns at a time: AMX's tdpbf16ps, two by two tiles of
// 16 x 16 sums. It adds up the 16 first and the 16 second products of a step's pairs apart, each a chain from zero,
// then both, then those to the sum, and takes numbers too small for fp32's exponent as zero (Intel's manual,
// TDPBF16PS). With EL_NATIVE_BLOCKS 0 it is emulated to the last bit, but for those numbers. Wrap what calls these in
// EL_BEFORE_BLOCKS() .. EL_AFTER_BLOCKS(). Included once a target, after pair_dot-inl.h: hence no include guard.
#undef EL_BEFORE_BLOCKS
#undef EL_AFTER_BLOCKS
#if EL_NATIVE_BLOCKS
#include <immintrin.h>
#define EL_BEFORE_BLOCKS() HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512bf16,amx-tile,amx-bf16")
#define EL_AFTER_BLOCKS() HWY_POP_ATTRIBUTES
#else
#define EL_BEFORE_BLOCKS() HWY_BEFORE_NAMESPACE();
#define EL_AFTER_BLOCKS() HWY_AFTER_NAMESPACE();
#endif

EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr int kBlockRows = 32, kBlockColumns = kVectors * kLanes;
constexpr int kStepTerms = 32, kStepPairs = kStepTerms / 2;
constexpr std::int64_t kStepBytes = std::int64_t{kStepPairs} * kBlockColumns * 4;  // of the right-hand factor
// Steps whose right-hand factor, 16 KB, stays in a 48 KB first-level cache while left-hand ones go by. The same for
// all, because sums of numbers in two parts run through one part of so many steps and then through the other.
constexpr std::int64_t kNearSteps = 8;

constexpr std::int64_t StepsOf(std::int64_t terms) { return (terms + kStepTerms - 1) / kStepTerms; }

// The left-hand factor: rows of kStepTerms bf16 numbers, `stride` bytes apart; the next step's are `step` bytes on.
struct BlockRows {
  const void* values;
  std::int64_t stride, step;
};

// Tile registers belong to a thread, and libraries that use them keep what they set: it is given back at the end.
// While one of these lives, numbers too small for fp32's exponent are zero outside the tiles too.
class BlockRegisters {
 public:
#if EL_NATIVE_BLOCKS
  BlockRegisters() : control_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 1u << 15, kDenormalsAreZero = 1u << 6;
    _mm_setcsr(control_ | kFlushToZero | kDenormalsAreZero);
    _tile_storeconfig(&before_);
    _tile_loadconfig(&kWhole);
  }
  ~BlockRegisters() {
    _tile_loadconfig(&before_);
    _mm_setcsr(control_);
  }

 private:
  struct alignas(64) Shape {
    std::uint8_t palette, start, reserved[14];
    std::uint16_t row_bytes[16];
    std::uint8_t rows[16];
  };
  // A constant, not a local: GCC does not see that its instruction reads more than the first bytes.
  static constexpr Shape kWhole = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
  Shape before_;
  unsigned control_;
#else
  BlockRegisters() {}  // not trivial: it is there for what its native twin does
#endif
  BlockRegisters(const BlockRegisters&) = delete;
  BlockRegisters& operator=(const BlockRegisters&) = delete;
};

#if EL_NATIVE_BLOCKS
// Tiles 0..3 are the sums, [32, 32] numbers, `stride` numbers apart.
template <bool kAdd>
HWY_INLINE void StartSums(const float* sums, std::int64_t stride) {
  if constexpr (!kAdd) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    return;
  }
  _tile_loadd(0, sums, 4 * stride);
  _tile_loadd(1, sums + 16, 4 * stride);
  _tile_loadd(2, sums + 16 * stride, 4 * stride);
  _tile_loadd(3, sums + 16 * stride + 16, 4 * stride);
}

HWY_INLINE void StoreSums(float* sums, std::int64_t stride) {
  _tile_stored(0, sums, 4 * stride);
  _tile_stored(1, sums + 16, 4 * stride);
  _tile_stored(2, sums + 16 * stride, 4 * stride);
  _tile_stored(3, sums + 16 * stride + 16, 4 * stride);
}

// sums [kBlockRows, kBlockColumns], rows `stride` numbers apart, += (or = where not kAdd) a times b over `steps` steps.
// b [steps, kStepPairs, kBlockColumns] pairs of terms. meanwhile() is called once a step. A BlockRegisters must live.
template <bool kAdd, class Meanwhile>
HWY_NOINLINE void MultiplyBlock(const BlockRows& a, const std::uint32_t* b, std::int64_t steps, float* sums,
                                std::int64_t stride, Meanwhile& meanwhile) {
  static_assert(kBlockColumns == 32);
  asm volatile("" ::: "memory");  // loads of tiles read memory that the compiler does not see them read
  const auto* left = static_cast<const std::byte*>(a.values);
  const auto* right = reinterpret_cast<const std::byte*>(b);
  const std::int64_t half = 16 * a.stride;
  StartSums<kAdd>(sums, stride);
  for (std::int64_t step = 0; step < steps; ++step, left += a.step, right += kStepBytes) {
    _tile_loadd(6, right, 128);
    _tile_loadd(4, left, a.stride);
    _tile_loadd(7, right + 64, 128);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, left + half, a.stride);
    _tile_dpbf16ps(1, 4, 7);
    meanwhile();
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  StoreSums(sums, stride);
}
#endif

// sum + what a step's kStepPairs pairs of one row give a vector of columns; left(j) and right(j) are its pairs.
template <class Left, class Right>
HWY_INLINE V AddStep(V sum, const Left& left, const Right& right) {
  const F f;
  const VU high = hn::Set(U(), 0xFFFF0000u);
  V first = hn::Zero(f), second = hn::Zero(f);
  for (int j = 0; j < kStepPairs; ++j) {
    const VU a = left(j), b = right(j);
    first = hn::MulAdd(hn::BitCast(f, hn::ShiftLeft<16>(a)), hn::BitCast(f, hn::ShiftLeft<16>(b)), first);
    second = hn::MulAdd(hn::BitCast(f, hn::And(a, high)), hn::BitCast(f, hn::And(b, high)), second);
  }
  return hn::Add(sum, hn::Add(first, second));
}

#if !EL_NATIVE_BLOCKS
template <bool kAdd, class Meanwhile>
HWY_NOINLINE void MultiplyBlock(const BlockRows& a, const std::uint32_t* b, std::int64_t steps, float* sums,
                                std::int64_t stride, Meanwhile& meanwhile) {
  for (int r = 0; r < kBlockRows; ++r, sums += stride) {
    for (int c = 0; c < kBlockColumns; c += kLanes) {
      V sum = kAdd ? hn::LoadU(F(), sums + c) : hn::Zero(F());
      for (std::int64_t step = 0; step < steps; ++step) {
        const auto* const row = reinterpret_cast<const std::uint32_t*>(static_cast<const std::byte*>(a.values) +
                                                                       r * a.stride + step * a.step);
        const std::uint32_t* const pairs = b + step * kStepPairs * kBlockColumns + c;
        sum = AddStep(
            sum, [&](int j) { return hn::Set(U(), row[j]); },
            [&](int j) { return hn::LoadU(U(), pairs + j * kBlockColumns); });
      }
      hn::StoreU(sum, F(), sums + c);
    }
  }
  meanwhile();
}
#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
