#include "benchmarks/ours/multiply_adds.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <vector>

#include "energy_lens/kernels/torch_free/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/ours/multiply_adds.cpp"
#include <hwy/foreach_target.h>

#include "energy_lens/kernels/torch_free/bfloat16_unit.h"
#include "energy_lens/kernels/torch_free/native_units-inl.h"
#include "energy_lens/kernels/torch_free/pair_dot-inl.h"
#if EL_NATIVE_BLOCKS
#include "energy_lens/kernels/torch_free/block_dot-inl.h"
#endif

EL_BEFORE_PAIRS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr int kSums = kTileRows * kVectors * kLanes;

// step(sum): one more of a vector of sums. As many vectors as a register tile has, or the compiler puts them in memory;
// each begins with a number of its own, or the compiler makes them one.
template <class Step>
HWY_INLINE double LargestError(std::int64_t steps, double expected, const Step& step) {
  const F f;
  V sums[kTileRows][kVectors];
  EL_UNROLL for (int r = 0; r < kTileRows; ++r) {
    EL_UNROLL for (int c = 0; c < kVectors; ++c) sums[r][c] = hn::Set(f, static_cast<float>(r * kVectors + c));
  }
  for (std::int64_t i = 0; i < steps; ++i) {
    EL_UNROLL for (int r = 0; r < kTileRows; ++r) {
      EL_UNROLL for (int c = 0; c < kVectors; ++c) sums[r][c] = step(sums[r][c]);
    }
  }
  HWY_ALIGN float all[kSums];
  EL_UNROLL for (int r = 0; r < kTileRows; ++r) {
    EL_UNROLL for (int c = 0; c < kVectors; ++c) hn::Store(sums[r][c], f, all + (r * kVectors + c) * kLanes);
  }
  double largest = 0.0;
  for (int i = 0; i < kSums; ++i) {
    largest = std::max(largest, std::abs(all[i] - static_cast<double>(i / kLanes) - expected));
  }
  return largest;
}

double RunWide(std::int64_t steps, float one) {
  const V a = hn::Set(F(), one);
  return LargestError(steps, static_cast<double>(steps), [&](V sum) { return hn::MulAdd(a, a, sum); });
}

#if EL_NATIVE_PAIRS
double RunPairs(std::int64_t steps, float one) {
  const VU a = Paired(hn::Set(F(), one), hn::Set(F(), one));
  return LargestError(steps, 2.0 * static_cast<double>(steps), [&](V sum) { return PairDot(sum, a, a); });
}
#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_PAIRS()

#if EL_NATIVE_BLOCKS
EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr int kBlockSums = kBlockRows * kBlockColumns;

// sums [32, 32]: `steps` products of two tiles of ones, added up.
HWY_NOINLINE void AddTiles(std::int64_t steps, const std::uint16_t* ones, float* sums) {
  const BlockRegisters registers;
  asm volatile("" ::: "memory");
  StartSums<false>(sums, kBlockColumns);
  _tile_loadd(4, ones, 64);
  _tile_loadd(5, ones, 64);
  for (std::int64_t i = 0; i < steps; ++i) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  StoreSums(sums, kBlockColumns);
}

double RunBlocks(std::int64_t steps, float one) {
  HWY_ALIGN std::uint16_t ones[kBlockRows / 2 * kStepTerms];
  HWY_ALIGN float sums[kBlockSums];
  const std::vector<float> wide(std::size(ones), one);
  RoundNumbers(wide.data(), std::ssize(ones), ones);
  AddTiles(steps, ones, sums);
  double largest = 0.0;
  for (const float sum : sums) largest = std::max(largest, std::abs(sum - static_cast<double>(steps * kStepTerms)));
  return largest;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
#endif

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {

const bench::MultiplyAdds* VectorMultiplyAdds([[maybe_unused]] bool bfloat16) {
  static const bench::MultiplyAdds wide = {kSums, 1, RunWide};
#if EL_NATIVE_BLOCKS
  static const bench::MultiplyAdds blocks = {kBlockSums, kStepTerms, RunBlocks};
  if (bfloat16 && best_bfloat16_unit() == Bfloat16Unit::Blocks) return &blocks;
#endif
#if EL_NATIVE_PAIRS
  static const bench::MultiplyAdds pairs = {kSums, 2, RunPairs};
  if (bfloat16 && best_bfloat16_unit() == Bfloat16Unit::Pairs) return &pairs;
#endif
  return &wide;
}

}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace energy_lens {

HWY_EXPORT(VectorMultiplyAdds);

const bench::MultiplyAdds& bench::best_multiply_adds(bool bfloat16) {
  return *HWY_DYNAMIC_DISPATCH(VectorMultiplyAdds)(bfloat16);
}

}  // namespace energy_lens
#endif
