// Products of rows with a weight matrix for one instruction set.
#if defined(ENERGY_LENS_ROW_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_PRODUCT_INL_H_
#undef ENERGY_LENS_ROW_PRODUCT_INL_H_
#else
#define ENERGY_LENS_ROW_PRODUCT_INL_H_
#endif

#include "energy_lens/kernels/torch_free/row_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// A packed panel of 256 terms takes half of a first-level cache; a group of panels half of a second-level one, and the
// rows that meet it a quarter. A spare cache line keeps panels out of each other's sets.
constexpr std::int64_t kTerms = 256, kRowBlock = 120, kSpareLine = 16;
constexpr std::int64_t kWidePanelStride = kTerms * kPanelColumns + kSpareLine;

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
// Four columns of four numbers, as rows of a panel.
template <class D>
HWY_INLINE void StoreTurned(D d, hn::Vec<D> a, hn::Vec<D> b, hn::Vec<D> c, hn::Vec<D> e, hn::TFromD<D>* to) {
  const auto ac_low = hn::InterleaveLower(d, a, c), ac_high = hn::InterleaveUpper(d, a, c);
  const auto be_low = hn::InterleaveLower(d, b, e), be_high = hn::InterleaveUpper(d, b, e);
  hn::Store(hn::InterleaveLower(d, ac_low, be_low), d, to);
  hn::Store(hn::InterleaveUpper(d, ac_low, be_low), d, to + kPanelColumns);
  hn::Store(hn::InterleaveLower(d, ac_high, be_high), d, to + 2 * kPanelColumns);
  hn::Store(hn::InterleaveUpper(d, ac_high, be_high), d, to + 3 * kPanelColumns);
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

// The part of w that begins at a term and a column.
HWY_INLINE WeightView WeightsFrom(const WeightView& w, std::int64_t term, std::int64_t column) {
  WeightView part = w;
  const std::int64_t skipped = (term * w.term_stride + column * w.column_stride) * (w.bfloat16 ? 2 : 4);
  part.values = static_cast<const std::byte*>(w.values) + skipped;
  return part;
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

// Products of fp32 rows with weights that are widened to fp32 panel by panel.
struct WideProduct : WideTile {
  static constexpr std::int64_t kGroupPanels = 256 / kPanelColumns;
  static constexpr std::int64_t kPanelStride = kWidePanelStride;
  static constexpr std::int64_t kRowNumbers = 0;  // of working memory a row of x

  // Panels of a group, terms [term, term + terms), kPanelStride apart.
  static void Pack(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term, std::int64_t terms,
                   float* packed) {
    (w.bfloat16 ? PackGroup<hwy::bfloat16_t> : PackGroup<float>)(w, column, panels, term, terms, packed);
  }

  static Rows Ready(ConstRowView x, std::int64_t, std::int64_t, float*) { return x; }

  // sums [R, columns], rows `stride` apart, += x [R, terms] w; w's rows begin at its values.
  static void AddFew(Rows x, std::int64_t rows, const WeightView& w, std::int64_t terms, std::int64_t columns,
                     float* sums, std::int64_t stride) {
    (w.bfloat16 ? AddFewTerms<hwy::bfloat16_t> : AddFewTerms<float>)(x, rows, w, terms, columns, sums, stride);
  }
};

// A panel that reaches past the last column goes through a tile of its own, so that nothing is written beyond y.
template <class Product, bool kAdd>
HWY_INLINE void MultiplyEnd(typename Product::Rows x, std::int64_t rows, const typename Product::Number* packed,
                            std::int64_t terms, RowView y, std::int64_t columns) {
  HWY_ALIGN float tile[kTileRows * kPanelColumns];
  for (std::int64_t begin = 0; begin < rows; begin += kTileRows) {
    const std::int64_t count = std::min<std::int64_t>(kTileRows, rows - begin);
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(y.values + (begin + r) * y.stride, kAdd ? columns : 0, tile + r * kPanelColumns);
    }
    MultiplyRows<Product, kAdd>({x.values + begin * x.stride, x.stride}, count, packed, terms, {tile, kPanelColumns});
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

template <class Product, bool kAdd>
void MultiplyBlock(typename Product::Rows x, std::int64_t rows, const typename Product::Number* packed,
                   std::int64_t terms, RowView y, std::int64_t columns) {
  for (std::int64_t c = 0; c < columns; c += kPanelColumns, packed += Product::kPanelStride) {
    if (columns - c >= kPanelColumns) {
      MultiplyRows<Product, kAdd>(x, rows, packed, terms, {y.values + c, y.stride});
    } else {
      MultiplyEnd<Product, kAdd>(x, rows, packed, terms, {y.values + c, y.stride}, columns - c);
    }
  }
}

template <class Product>
void MultiplyGroup(const RowProduct& job, std::int64_t column, std::int64_t panels, float* scratch) {
  const std::int64_t columns = std::min(panels * kPanelColumns, job.w.columns - column);
  auto* const packed = reinterpret_cast<typename Product::Number*>(scratch);
  for (std::int64_t term = 0; term < job.w.terms; term += kTerms) {
    const std::int64_t terms = std::min(kTerms, job.w.terms - term);
    Product::Pack(job.w, column, panels, term, terms, packed);
    for (std::int64_t begin = 0; begin < job.rows; begin += kRowBlock) {
      const std::int64_t rows = std::min(kRowBlock, job.rows - begin);
      const RowView y{job.y.values + begin * job.y.stride + column, job.y.stride};
      const typename Product::Rows x = Product::Ready({job.x.values + begin * job.x.stride + term, job.x.stride}, rows,
                                                      terms, packed + Product::kGroupPanels * Product::kPanelStride);
      (term == 0 ? MultiplyBlock<Product, false> : MultiplyBlock<Product, true>)(x, rows, packed, terms, y, columns);
      if (term + terms == job.w.terms) FinishBlock(job, column, columns, y, rows);
    }
  }
}

template <class Product>
void MultiplyFew(const RowProduct& job, std::int64_t column, std::int64_t columns, float* scratch) {
  const std::int64_t stride = (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
  auto* const ready = reinterpret_cast<typename Product::Number*>(scratch + kFewRows * kFewColumns);
  for (std::int64_t term = 0; term < job.w.terms; term += kTerms) {
    const std::int64_t terms = std::min(kTerms, job.w.terms - term);
    std::fill_n(scratch, job.rows * stride, 0.0f);
    Product::AddFew(Product::Ready({job.x.values + term, job.x.stride}, job.rows, terms, ready), job.rows,
                    WeightsFrom(job.w, term, column), terms, columns, scratch, stride);
    for (std::int64_t r = 0; r < job.rows; ++r) {
      float* const y = job.y.values + r * job.y.stride + column;
      MapRow(scratch + r * stride, columns, y,
             [&](V sum, std::int64_t i) { return term == 0 ? sum : hn::Add(LoadEnd(y, i, columns), sum); });
    }
  }
  FinishBlock(job, column, columns, {job.y.values + column, job.y.stride}, job.rows);
}

template <class Product>
std::int64_t ScratchOf() {
  return std::max(Product::kPanelStride * Product::kGroupPanels + Product::kRowNumbers * kRowBlock,
                  kFewRows * (kFewColumns + Product::kRowNumbers));
}

template <class Product>
void MultiplyPanels(const RowProduct& job, std::int64_t first_panel, std::int64_t panels, float* scratch) {
  if (job.rows <= kFewRows && job.w.column_stride == 1) {
    const std::int64_t end = std::min((first_panel + panels) * kPanelColumns, job.w.columns);
    for (std::int64_t column = first_panel * kPanelColumns; column < end; column += kFewColumns) {
      MultiplyFew<Product>(job, column, std::min(kFewColumns, end - column), scratch);
    }
    return;
  }
  const std::int64_t groups = (panels + Product::kGroupPanels - 1) / Product::kGroupPanels;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t begin = panels * g / groups, end = panels * (g + 1) / groups;
    MultiplyGroup<Product>(job, (first_panel + begin) * kPanelColumns, end - begin, scratch);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
