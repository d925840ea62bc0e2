// Products of rows with a weight matrix, and norms of rows, for one instruction set.
#if defined(ENERGY_LENS_ROW_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_PRODUCT_INL_H_
#undef ENERGY_LENS_ROW_PRODUCT_INL_H_
#else
#define ENERGY_LENS_ROW_PRODUCT_INL_H_
#endif

#include <cmath>

#include "energy_lens/kernels/torch_free/row_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// A packed panel of 256 terms takes half of a first-level cache; a group of panels half of a second-level one, and the
// rows that meet it a quarter.
constexpr std::int64_t kTerms = 256, kGroupPanels = 256 / kPanelColumns, kRowBlock = 120;

HWY_INLINE float Widened(float x) { return x; }
HWY_INLINE float Widened(hwy::bfloat16_t x) { return hwy::F32FromBF16(x); }
HWY_INLINE V LoadWide(const float* from) { return hn::LoadU(F(), from); }
HWY_INLINE V LoadWide(const hwy::bfloat16_t* from) {
  return hn::PromoteTo(F(), hn::LoadU(hn::Rebind<hwy::bfloat16_t, F>(), from));
}

// Terms [begin, begin + terms) of one panel's columns, columns side by side.
template <class T>
HWY_INLINE void PackPanel(const T* from, const WeightView& w, std::int64_t terms, std::int64_t columns, float* packed) {
  const F f;
  if (w.column_stride == 1 && columns == kPanelColumns) {
    for (std::int64_t k = 0; k < terms; ++k) {
      EL_UNROLL for (int c = 0; c < kVectors; ++c) {
        hn::Store(LoadWide(from + k * w.term_stride + c * kLanes), f, packed + k * kPanelColumns + c * kLanes);
      }
    }
    return;
  }
  if (columns < kPanelColumns) std::fill_n(packed, terms * kPanelColumns, 0.0f);
  for (std::int64_t c = 0; c < columns; ++c) {
    const T* const column = from + c * w.column_stride;
    for (std::int64_t k = 0; k < terms; ++k) packed[k * kPanelColumns + c] = Widened(column[k * w.term_stride]);
  }
}

// Panels of a group, terms [term, term + terms).
template <class T>
void PackGroup(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term, std::int64_t terms,
               float* packed) {
  const T* const values = static_cast<const T*>(w.values);
  for (std::int64_t p = 0; p < panels; ++p) {
    const std::int64_t first = column + p * kPanelColumns;
    PackPanel(values + term * w.term_stride + first * w.column_stride, w, terms,
              std::min(kPanelColumns, w.columns - first), packed + p * kTerms * kPanelColumns);
  }
}

// A panel that reaches past the last column goes through a tile of its own, so that nothing is written beyond y.
template <bool kAdd>
HWY_INLINE void MultiplyEnd(ConstRowView x, std::int64_t rows, const float* packed, std::int64_t terms, RowView y,
                            std::int64_t columns) {
  HWY_ALIGN float tile[kTileRows * kPanelColumns];
  for (std::int64_t begin = 0; begin < rows; begin += kTileRows) {
    const std::int64_t count = std::min<std::int64_t>(kTileRows, rows - begin);
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(y.values + (begin + r) * y.stride, kAdd ? columns : 0, tile + r * kPanelColumns);
    }
    MultiplyRows<kAdd>({x.values + begin * x.stride, x.stride}, count, packed, terms, {tile, kPanelColumns});
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(tile + r * kPanelColumns, columns, y.values + (begin + r) * y.stride);
    }
  }
}

HWY_INLINE void FinishBlock(const RowProduct& job, std::int64_t column, std::int64_t columns, RowView y,
                            std::int64_t rows) {
  if (job.bias == nullptr && job.activation == RowActivation::None) return;
  for (std::int64_t r = 0; r < rows; ++r) {
    float* const row = y.values + r * y.stride;
    MapRow(row, columns, row, [&](V sum, std::int64_t i) {
      const V biased = job.bias == nullptr ? sum : hn::Add(sum, LoadEnd(job.bias + column, i, columns));
      return Activated(job.activation, biased);
    });
  }
}

template <bool kAdd>
void MultiplyBlock(ConstRowView x, std::int64_t rows, const float* packed, std::int64_t terms, RowView y,
                   std::int64_t columns) {
  for (std::int64_t c = 0; c < columns; c += kPanelColumns, packed += kTerms * kPanelColumns) {
    if (columns - c >= kPanelColumns) {
      MultiplyRows<kAdd>(x, rows, packed, terms, {y.values + c, y.stride});
    } else {
      MultiplyEnd<kAdd>(x, rows, packed, terms, {y.values + c, y.stride}, columns - c);
    }
  }
}

void MultiplyGroup(const RowProduct& job, std::int64_t column, std::int64_t panels, float* packed) {
  const std::int64_t columns = std::min(panels * kPanelColumns, job.w.columns - column);
  for (std::int64_t term = 0; term < job.w.terms; term += kTerms) {
    const std::int64_t terms = std::min(kTerms, job.w.terms - term);
    (job.w.bfloat16 ? PackGroup<hwy::bfloat16_t> : PackGroup<float>)(job.w, column, panels, term, terms, packed);
    for (std::int64_t begin = 0; begin < job.rows; begin += kRowBlock) {
      const std::int64_t rows = std::min(kRowBlock, job.rows - begin);
      const RowView y{job.y.values + begin * job.y.stride + column, job.y.stride};
      (term == 0 ? MultiplyBlock<false> : MultiplyBlock<true>)(
          {job.x.values + begin * job.x.stride + term, job.x.stride}, rows, packed, terms, y, columns);
      if (term + terms == job.w.terms) FinishBlock(job, column, columns, y, rows);
    }
  }
}

std::int64_t ProductScratch() { return kTerms * kPanelColumns * kGroupPanels; }

void Multiply(const RowProduct& job, std::int64_t first_panel, std::int64_t panels, float* scratch) {
  const std::int64_t groups = (panels + kGroupPanels - 1) / kGroupPanels;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t begin = panels * g / groups, end = panels * (g + 1) / groups;
    MultiplyGroup(job, (first_panel + begin) * kPanelColumns, end - begin, scratch);
  }
}

// Sum over the row of function(V); lanes beyond the end must give zero by themselves.
template <class Function>
HWY_INLINE float SumRow(std::int64_t width, const Function& function) {
  V sum = hn::Zero(F());
  for (std::int64_t i = 0; i < width; i += kLanes) sum = hn::Add(sum, function(i));
  return hn::GetLane(hn::SumOfLanes(F(), sum));
}

void NormRow(const RowNorm& job, const float* x, float* y) {
  const F f;
  const float count = static_cast<float>(job.width);
  const float mean =
      job.centred ? SumRow(job.width, [&](std::int64_t i) { return LoadEnd(x, i, job.width); }) / count : 0.0f;
  const V centre = hn::Set(f, mean);
  const float squares = SumRow(job.width, [&](std::int64_t i) {
    const V away = hn::Sub(LoadEnd(x, i, job.width), centre);
    const V kept = hn::IfThenElseZero(hn::FirstN(f, static_cast<std::size_t>(job.width - i)), away);
    return hn::Mul(kept, kept);
  });
  const V inverse = hn::Set(f, 1.0f / std::sqrt(squares / count + job.eps));
  MapRow(x, job.width, y, [&](V value, std::int64_t i) {
    V unit = hn::Mul(hn::Sub(value, centre), inverse);
    if (job.gamma != nullptr) unit = hn::Mul(unit, LoadEnd(job.gamma, i, job.width));
    return job.beta != nullptr ? hn::Add(unit, LoadEnd(job.beta, i, job.width)) : unit;
  });
}

void Norm(const RowNorm& job, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) NormRow(job, job.x.values + r * job.x.stride, job.y.values + r * job.y.stride);
}

void Gate(RowActivation activation, RowView gate, ConstRowView up, std::int64_t width, std::int64_t begin,
          std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) {
    float* const row = gate.values + r * gate.stride;
    const float* const other = up.values + r * up.stride;
    MapRow(row, width, row,
           [&](V value, std::int64_t i) { return hn::Mul(Activated(activation, value), LoadEnd(other, i, width)); });
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
