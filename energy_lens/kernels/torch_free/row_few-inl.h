// Products of so few rows that their weights are read but once, for one instruction set.
#if defined(ENERGY_LENS_ROW_FEW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_FEW_INL_H_
#undef ENERGY_LENS_ROW_FEW_INL_H_
#else
#define ENERGY_LENS_ROW_FEW_INL_H_
#endif

#include "energy_lens/kernels/torch_free/row_pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// So few rows are not worth packing for: W streams by once, row after row, and the sums wait in cache. Every entry is
// the same chain of operations as in a tile.
constexpr std::int64_t kFewRows = 3, kFewColumns = 4096, kFewTerms = 4;

template <class T>
HWY_INLINE V LoadWideEnd(const T* from, std::int64_t i, std::int64_t count) {
  if (i + kLanes <= count) return LoadWide(F(), from + i);
  HWY_ALIGN float end[kLanes] = {};
  for (std::int64_t j = i; j < count; ++j) end[j - i] = Widened(from[j]);
  return hn::Load(F(), end);
}

// sum [columns] += x [kCount] w [kCount, columns].
template <int kCount, class T>
HWY_INLINE void AddTerms(const float* x, const T* w, std::int64_t term_stride, std::int64_t columns, float* sum) {
  const F f;
  V value[kCount];
  EL_UNROLL for (int k = 0; k < kCount; ++k) value[k] = hn::Set(f, x[k]);
  for (std::int64_t i = 0; i < columns; i += kLanes) {
    V total = hn::Load(f, sum + i);
    EL_UNROLL for (int k = 0; k < kCount; ++k) {
      total = hn::MulAdd(value[k], LoadWideEnd(w + k * term_stride, i, columns), total);
    }
    hn::Store(total, f, sum + i);
  }
}

template <class T>
void AddFewTerms(ConstRowView x, std::int64_t rows, const WeightView& w, std::int64_t terms, std::int64_t columns,
                 float* sums, std::int64_t stride) {
  const T* from = static_cast<const T*>(w.values);
  for (std::int64_t k = 0; k < terms; k += kFewTerms, from += kFewTerms * w.term_stride) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* const value = x.values + r * x.stride + k;
      if (terms - k >= kFewTerms) {
        AddTerms<kFewTerms>(value, from, w.term_stride, columns, sums + r * stride);
      } else {
        for (std::int64_t i = 0; i < terms - k; ++i) {
          AddTerms<1>(value + i, from + i * w.term_stride, w.term_stride, columns, sums + r * stride);
        }
      }
    }
  }
}

template <class Product>
void MultiplyFew(const RowProduct& job, std::int64_t column, std::int64_t columns, float* scratch) {
  const std::int64_t stride = (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
  auto* const ready = reinterpret_cast<typename Product::Number*>(scratch + kFewRows * kFewColumns);
  for (std::int64_t term = 0; term < job.w.terms; term += Product::kTerms) {
    const std::int64_t terms = std::min(Product::kTerms, job.w.terms - term);
    if (term == 0 || !Product::kContinues) std::fill_n(scratch, job.rows * stride, 0.0f);
    Product::AddFew(Product::Ready({job.x.values + term, job.x.stride}, job.rows, terms, ready), job.rows,
                    WeightsFrom(job.w, term, column), terms, columns, scratch, stride);
    for (std::int64_t r = 0; r < job.rows; ++r) {
      float* const y = job.y.values + r * job.y.stride + column;
      MapRow(scratch + r * stride, columns, y, [&](V sum, std::int64_t i) {
        return term == 0 || Product::kContinues ? sum : hn::Add(LoadEnd(y, i, columns), sum);
      });
    }
  }
  FinishBlock(job, column, columns, {job.y.values + column, job.y.stride}, job.rows);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
