// Panels of a weight matrix as register tiles read them, for one instruction set: term after term, widened to fp32
// here. What the packing of pairs shares with it stands here too.
#if defined(ENERGY_LENS_ROW_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_PACK_INL_H_
#undef ENERGY_LENS_ROW_PACK_INL_H_
#else
#define ENERGY_LENS_ROW_PACK_INL_H_
#endif

#include "energy_lens/kernels/torch_free/row_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// A packed panel of 192 terms has at most 24 KB in fp32, which leaves room for rows in a first-level cache, and half of
// that in bf16 pairs. A group of panels takes 192 KB of a second-level cache, and as much again goes to the weights
// that come next. A spare cache line keeps panels out of each other's sets.
constexpr std::int64_t kTerms = 192, kSpareLine = 16;
constexpr std::int64_t kWidePanelStride = kTerms * kPanelColumns + kSpareLine;

// The part of w that begins at a term and a column.
HWY_INLINE WeightView WeightsFrom(const WeightView& w, std::int64_t term, std::int64_t column) {
  WeightView part = w;
  const std::int64_t skipped = (term * w.term_stride + column * w.column_stride) * (w.bfloat16 ? 2 : 4);
  part.values = static_cast<const std::byte*>(w.values) + skipped;
  return part;
}

template <class D>
HWY_INLINE hn::Vec<D> LoadWide(D d, const float* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadWide(D d, const hwy::bfloat16_t* from) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<hwy::bfloat16_t, D>(), from));
}

// Terms [0, terms) of `panels` whole panels whose columns lie side by side in memory: row after row, as they lie.
template <class T>
HWY_INLINE void PackAlong(const T* from, const WeightView& w, std::int64_t terms, std::int64_t panels, float* packed) {
  const F f;
  for (std::int64_t k = 0; k < terms; ++k) {
    const T* const row = from + k * w.term_stride;
    float* const to = packed + k * kPanelColumns;
    for (std::int64_t p = 0; p < panels; ++p) {
      EL_UNROLL for (int c = 0; c < kVectors; ++c) {
        hn::Store(LoadWide(f, row + p * kPanelColumns + c * kLanes), f, to + p * kWidePanelStride + c * kLanes);
      }
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Four columns of four numbers, as rows `stride` numbers apart.
template <class D>
HWY_INLINE void StoreTurned(D d, hn::Vec<D> a, hn::Vec<D> b, hn::Vec<D> c, hn::Vec<D> e, hn::TFromD<D>* to,
                            std::int64_t stride = kPanelColumns) {
  const auto ac_low = hn::InterleaveLower(d, a, c), ac_high = hn::InterleaveUpper(d, a, c);
  const auto be_low = hn::InterleaveLower(d, b, e), be_high = hn::InterleaveUpper(d, b, e);
  hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, to);
  hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, to + stride);
  hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, to + 2 * stride);
  hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, to + 3 * stride);
}
#endif

// Four terms of four columns whose terms lie side by side.
template <class T>
HWY_INLINE void TurnFour(const T* from, std::int64_t column_stride, float* to) {
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < 16; ++i) to[i / 4 * kPanelColumns + i % 4] = Widened(from[i % 4 * column_stride + i / 4]);
#else
  const hn::Full128<float> d;
  const auto a = LoadWide(d, from), b = LoadWide(d, from + column_stride);
  const auto c = LoadWide(d, from + 2 * column_stride), e = LoadWide(d, from + 3 * column_stride);
  StoreTurned(d, a, b, c, e, to);
#endif
}

// One whole panel whose terms lie side by side in memory.
template <class T>
HWY_INLINE void PackTurned(const T* from, const WeightView& w, std::int64_t terms, float* packed) {
  const std::int64_t whole = kPanelColumns % 4 == 0 ? terms / 4 * 4 : 0;
  for (std::int64_t k = 0; k < whole; k += 4) {
    for (std::int64_t c = 0; c < kPanelColumns; c += 4) {
      TurnFour(from + c * w.column_stride + k, w.column_stride, packed + k * kPanelColumns + c);
    }
  }
  for (std::int64_t k = whole; k < terms; ++k) {
    for (std::int64_t c = 0; c < kPanelColumns; ++c) {
      packed[k * kPanelColumns + c] = Widened(from[c * w.column_stride + k]);
    }
  }
}

// Any strides and number of columns; zeros stand for those that are missing.
template <class T>
void PackAny(const T* from, const WeightView& w, std::int64_t terms, std::int64_t columns, float* packed) {
  for (std::int64_t k = 0; k < terms; ++k) {
    for (std::int64_t c = 0; c < kPanelColumns; ++c) {
      packed[k * kPanelColumns + c] = c < columns ? Widened(from[k * w.term_stride + c * w.column_stride]) : 0.0f;
    }
  }
}

template <class T>
void PackGroup(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term, std::int64_t terms,
               float* packed) {
  const T* const from = static_cast<const T*>(w.values) + term * w.term_stride + column * w.column_stride;
  const std::int64_t whole = std::min(panels, (w.columns - column) / kPanelColumns);
  if (w.column_stride == 1) PackAlong(from, w, terms, whole, packed);
  for (std::int64_t p = w.column_stride == 1 ? whole : 0; p < panels; ++p) {
    const T* const panel = from + p * kPanelColumns * w.column_stride;
    if (p < whole && w.term_stride == 1) {
      PackTurned(panel, w, terms, packed + p * kWidePanelStride);
    } else {
      PackAny(panel, w, terms, std::min(kPanelColumns, w.columns - column - p * kPanelColumns),
              packed + p * kWidePanelStride);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
