// One instruction set's PursuitKernel. Included once a target by pursuit_kernel.cpp, and by pursuit_kernel_generic.cpp.
#if defined(ENERGY_LENS_PURSUIT_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_PURSUIT_KERNEL_INL_H_
#undef ENERGY_LENS_PURSUIT_KERNEL_INL_H_
#else
#define ENERGY_LENS_PURSUIT_KERNEL_INL_H_
#endif

#include <algorithm>

#include "energy_lens/kernels/torch_free/pursuit_kernel.h"
#include "energy_lens/kernels/torch_free/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

using VI = hn::Vec<I>;
constexpr std::int64_t kEntries = 2 * kLanes;  // of a split row in one vector

// A vector of entries belongs to kLanes atoms and to the kLanes atoms 16 later, in turns of kTurn.
#if HWY_TARGET == HWY_SCALAR
constexpr std::int64_t kTurn = 1;
struct Entries {
  std::int16_t early, late;
};
HWY_INLINE Entries LoadEntries(const std::int16_t* from) { return {from[0], from[1]}; }
HWY_INLINE void StoreEntries(VI early, VI late, std::int16_t* to) {
  const auto cut = [](VI x) { return static_cast<std::int16_t>(std::clamp(hn::GetLane(x), -32768, 32767)); };
  to[0] = cut(early);
  to[1] = cut(late);
}
HWY_INLINE VI InLanes(std::int16_t a, std::int16_t b) { return hn::Set(I(), (a & 0xFFFF) | (b * 65536)); }
HWY_INLINE VI EarlyPairs(Entries a, Entries b) { return InLanes(a.early, b.early); }
HWY_INLINE VI LatePairs(Entries a, Entries b) { return InLanes(a.late, b.late); }
#else
constexpr std::int64_t kTurn = 4;
using I16 = hn::Repartition<std::int16_t, I>;
using Entries = hn::Vec<I16>;
HWY_INLINE Entries LoadEntries(const std::int16_t* from) { return hn::LoadU(I16(), from); }
HWY_INLINE void StoreEntries(VI early, VI late, std::int16_t* to) {
  hn::StoreU(hn::ReorderDemote2To(I16(), early, late), I16(), to);
}
// Entries of a in the low halves of lanes, those of b in the high ones.
HWY_INLINE VI EarlyPairs(Entries a, Entries b) { return hn::BitCast(I(), hn::InterleaveLower(I16(), a, b)); }
HWY_INLINE VI LatePairs(Entries a, Entries b) { return hn::BitCast(I(), hn::InterleaveUpper(I16(), a, b)); }
#endif

// Vectors of entries that a pass keeps sums of, and the atoms in them.
constexpr int kBlockVectors = 2;
constexpr std::int64_t kBlock = kBlockVectors * kEntries;
static_assert(kPursuitPadding % kBlock == 0);

// The first of the early atoms of a vector.
HWY_INLINE std::int64_t AtomOf(std::int64_t vector) {
  constexpr std::int64_t kVectorsOf32 = 32 / kEntries;
  return vector / kVectorsOf32 * 32 + vector % kVectorsOf32 * kLanes;
}

// Entries in steps: their nearest integers, and what those leave in steps 2^16 times as fine.
struct Halves {
  VI upper, lower;
};

HWY_INLINE Halves HalvesOf(const float* row, V steps) {
  const F f;
  const V entry = hn::LoadU(f, row);
  const VI upper = hn::NearestInt(hn::Mul(entry, steps));
  const V rest = hn::MulSub(entry, steps, hn::ConvertTo(f, upper));
  return {upper, hn::NearestInt(hn::Mul(rest, hn::Set(f, 65536.0f)))};
}

float Split(const float* row, std::int64_t padded, std::int16_t* upper, std::int16_t* lower) {
  const F f;
  V most = hn::Zero(f);
  for (std::int64_t i = 0; i < padded; i += kLanes) most = hn::Max(most, hn::Abs(hn::LoadU(f, row + i)));
  const float largest = hn::GetLane(hn::MaxOfLanes(f, most));
  const float steps = largest > 0.0f ? kPursuitSteps / largest : 0.0f;
  for (std::int64_t at = 0; at < padded; at += kEntries) {
    const std::int64_t atom = AtomOf(at / kEntries);
    const Halves early = HalvesOf(row + atom, hn::Set(f, steps)), late = HalvesOf(row + atom + 16, hn::Set(f, steps));
    StoreEntries(early.upper, late.upper, upper + at);
    StoreEntries(early.lower, late.lower, lower + at);
  }
  return steps;
}

// lower in the low half of each lane, upper in the other.
HWY_INLINE V Joined(VI halves) {
  const VI upper = hn::And(halves, hn::Set(I(), ~0xFFFF));
  return hn::ConvertTo(F(), hn::Add(upper, hn::ShiftRight<16>(hn::ShiftLeft<16>(halves))));
}

HWY_INLINE void SubtractEntries(VI halves, V factor, float* base) {
  hn::StoreU(hn::NegMulAdd(Joined(halves), factor, hn::LoadU(F(), base)), F(), base);
}

void Subtract(const SplitRow& row, float factor, std::int64_t padded, float* base) {
  for (std::int64_t at = 0; at < padded; at += kEntries) {
    const Entries lower = LoadEntries(row.lower + at), upper = LoadEntries(row.upper + at);
    float* const early = base + AtomOf(at / kEntries);
    SubtractEntries(EarlyPairs(lower, upper), hn::Set(F(), factor), early);
    SubtractEntries(LatePairs(lower, upper), hn::Set(F(), factor), early + 16);
  }
}

// Lane by lane, the sum of both halves' products.
struct PairSum {
  VI first, second;

  HWY_INLINE PairSum() : first(hn::Zero(I())), second(hn::Zero(I())) {}
  HWY_INLINE void Add(VI a, VI b) {
#if HWY_TARGET == HWY_SCALAR
    first = hn::Add(first, hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b))));
    second = hn::Add(second, hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b)));
#else
    first = hn::ReorderWidenMulAccumulate(I(), hn::BitCast(I16(), a), hn::BitCast(I16(), b), first, second);
#endif
  }
  HWY_INLINE VI Total() const {
#if HWY_TARGET == HWY_SCALAR
    return hn::Add(first, second);
#else
    return hn::RearrangeToOddPlusEven(first, second);
#endif
  }
};

// The two largest magnitudes of every lane.
struct Largest {
  V first, second;
  VI atom;  // of the first
  VI lanes;

  HWY_INLINE Largest() : first(hn::Zero(F())), second(first), atom(hn::Zero(I())), lanes(hn::Iota(I(), 0)) {}
  HWY_INLINE void Follow(V magnitude, std::int64_t from) {
    const V number = hn::IfThenElseZero(hn::Eq(magnitude, magnitude), magnitude);
    const VI own = hn::Add(lanes, hn::Set(I(), static_cast<std::int32_t>(from)));
    atom = hn::IfThenElse(hn::RebindMask(I(), hn::Gt(number, first)), own, atom);
    second = hn::Max(second, hn::Min(first, number));
    first = hn::Max(first, number);
  }
  HWY_INLINE PursuitLargest Joined() const {
    const V largest = hn::MaxOfLanes(F(), first);
    const auto winners = hn::Eq(first, largest);
    HWY_ALIGN std::int32_t atoms[kLanes];
    hn::Store(atom, I(), atoms);
    const V others = hn::MaxOfLanes(F(), hn::IfThenElse(winners, second, first));
    const bool alone = hn::CountTrue(F(), winners) == 1;
    return {hn::GetLane(largest), hn::GetLane(alone ? others : largest), atoms[hn::FindFirstTrue(F(), winners)]};
  }
};

// The magnitudes of kLanes atoms.
HWY_INLINE void Measure(const PursuitScreen& job, const PairSum& sum, std::int64_t atom, Largest& largest,
                        float* magnitudes) {
  const F f;
  const V taken = hn::ConvertTo(f, sum.Total());
  const V magnitude = hn::Abs(hn::NegMulAdd(taken, hn::Set(f, job.unit), hn::LoadU(f, job.base + atom)));
  hn::StoreU(magnitude, f, magnitudes + atom);
  largest.Follow(magnitude, atom);
}

// Entries [first, first + kBlock).
HWY_INLINE void ScreenBlock(const PursuitScreen& job, std::int64_t first, Largest& largest, float* magnitudes) {
  PairSum early[kBlockVectors], late[kBlockVectors];
  for (std::int64_t p = 0; p < job.pairs; ++p) {
    const VI weight = hn::Set(I(), static_cast<std::int32_t>(job.weights[p]));
    const std::int16_t* const one = job.upper[2 * p] + first;
    const std::int16_t* const other = job.upper[2 * p + 1] + first;
    EL_UNROLL for (int v = 0; v < kBlockVectors; ++v) {
      __builtin_prefetch(one + kBlock + v * kEntries);
      __builtin_prefetch(other + kBlock + v * kEntries);
      const Entries a = LoadEntries(one + v * kEntries), b = LoadEntries(other + v * kEntries);
      early[v].Add(EarlyPairs(a, b), weight);
      late[v].Add(LatePairs(a, b), weight);
    }
  }
  EL_UNROLL for (int v = 0; v < kBlockVectors; ++v) {
    const std::int64_t atom = AtomOf(first / kEntries + v);
    Measure(job, early[v], atom, largest, magnitudes);
    Measure(job, late[v], atom + 16, largest, magnitudes);
  }
}

PursuitLargest Screen(const PursuitScreen& given, float* magnitudes) {
  const PursuitScreen job = given;
  Largest largest;
  for (std::int64_t at = 0; at < job.padded; at += kBlock) ScreenBlock(job, at, largest, magnitudes);
  return largest.Joined();
}

std::int64_t Find(const float* magnitudes, std::int64_t padded, float least, std::int64_t* atoms) {
  const F f;
  std::int64_t count = 0;
  for (std::int64_t first = 0; first < padded; first += kLanes) {
    if (hn::AllFalse(f, hn::Ge(hn::LoadU(f, magnitudes + first), hn::Set(f, least)))) continue;
    for (std::int64_t atom = first; atom < first + kLanes; ++atom) {
      if (magnitudes[atom] >= least) atoms[count++] = atom;
    }
  }
  return count;
}

const PursuitKernel& PursuitOfTarget() {
  static const PursuitKernel kernel{hwy::TargetName(HWY_TARGET), kTurn, Split, Subtract, Screen, Find};
  return kernel;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
