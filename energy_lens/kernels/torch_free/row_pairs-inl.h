// Products of rows with a bf16 weight matrix by products of pairs (pair_dot-inl.h): rows are rounded to bf16, sums stay
// in fp32. Included after row_kernels-inl.h, and only for targets that have pairs: hence no include guard.
#include "energy_lens/kernels/torch_free/pair_dot-inl.h"

EL_BEFORE_PAIRS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

static_assert(kVectors % 2 == 0);
constexpr std::int64_t kTermPairs = kTerms / 2;

HWY_INLINE std::uint32_t PairOf(const std::uint16_t* first, const std::uint16_t* second) {
  return *first | (second == nullptr ? 0u : std::uint32_t{*second} << 16);
}

// Four pairs of terms of four columns whose terms lie side by side.
HWY_INLINE void TurnFourPairs(const std::uint16_t* from, std::int64_t column_stride, std::uint32_t* to) {
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < 16; ++i) {
    const std::uint16_t* const at = from + i % 4 * column_stride + i / 4 * 2;
    to[i / 4 * kPanelColumns + i % 4] = PairOf(at, at + 1);
  }
#else
  const hn::Full128<std::uint32_t> d;
  const hn::Full128<std::uint16_t> halves;
  const auto a = hn::BitCast(d, hn::LoadU(halves, from)), b = hn::BitCast(d, hn::LoadU(halves, from + column_stride));
  const auto c = hn::BitCast(d, hn::LoadU(halves, from + 2 * column_stride));
  const auto e = hn::BitCast(d, hn::LoadU(halves, from + 3 * column_stride));
  StoreTurned(d, a, b, c, e, to);
#endif
}

// Terms [0, terms) of one panel; zeros stand for missing columns and for a last term's missing partner.
HWY_INLINE void PackPairPanel(const std::uint16_t* from, const WeightView& w, std::int64_t terms, std::int64_t columns,
                              std::uint32_t* packed) {
  const bool whole = columns >= kPanelColumns, turned = whole && w.term_stride == 1 && kPanelColumns % 4 == 0;
  std::int64_t k = 0;
  for (; turned && k + 8 <= terms; k += 8) {
    for (std::int64_t c = 0; c < kPanelColumns; c += 4) {
      TurnFourPairs(from + c * w.column_stride + k, w.column_stride, packed + k / 2 * kPanelColumns + c);
    }
  }
  for (; whole && w.column_stride == 1 && k + 2 <= terms; k += 2) {
    const std::uint16_t* const row = from + k * w.term_stride;
    for (std::int64_t c = 0; c < kPanelColumns; c += 2 * kLanes) {
      StorePairs(row + c, row + w.term_stride + c, packed + k / 2 * kPanelColumns + c);
    }
  }
  for (; k < terms; k += 2) {
    for (std::int64_t c = 0; c < kPanelColumns; ++c) {
      const std::uint16_t* const at = from + k * w.term_stride + c * w.column_stride;
      packed[k / 2 * kPanelColumns + c] = c < columns ? PairOf(at, k + 1 < terms ? at + w.term_stride : nullptr) : 0u;
    }
  }
}

// sum [columns] += x [kCount pairs] w [2 kCount rows, columns]; a last row without a partner is its own, times zero.
template <int kCount>
HWY_INLINE void AddPairTerms(const std::uint32_t* x, const std::uint16_t* w, std::int64_t term_stride,
                             std::int64_t partner, std::int64_t columns, float* sum) {
  const F f;
  const U u;
  for (std::int64_t i = 0; i < columns; i += kLanes) {
    V total = hn::Load(f, sum + i);
    EL_UNROLL for (int k = 0; k < kCount; ++k) {
      const std::uint16_t* first = w + 2 * k * term_stride + i;
      HWY_ALIGN std::uint16_t ends[2][kLanes] = {};
      const std::uint16_t* second = first + partner;
      if (i + kLanes > columns) {
        std::copy_n(first, columns - i, ends[0]);
        std::copy_n(second, columns - i, ends[1]);
        first = ends[0];
        second = ends[1];
      }
      total = PairDot(total, hn::Set(u, x[k]), PairLanes(first, second));
    }
    hn::Store(total, f, sum + i);
  }
}

struct PairRowView {
  const std::uint32_t* values = nullptr;
  std::int64_t stride = 0;  // numbers
};

// As WideProduct; a panel is half as large, so twice as many go together. The working memory of rows is an odd number
// of cache lines each.
struct PairProduct : RegisterTiles {
  using Number = std::uint32_t;
  using Rows = PairRowView;
  static constexpr std::int64_t kGroupPanels = 512 / kPanelColumns;
  static constexpr std::int64_t kPanelStride = kTermPairs * kPanelColumns + kSpareLine;
  static constexpr std::int64_t kRowNumbers = kTermPairs + kSpareLine;

  static std::int64_t Calls(std::int64_t terms) { return WideProduct::Calls((terms + 1) / 2); }

  static void Pack(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term, std::int64_t terms,
                   std::uint32_t* packed) {
    PackPanels<kPanelStride>(w, column, panels, term, terms, packed);
  }

  template <std::int64_t kStride>
  static void PackPanels(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term,
                         std::int64_t terms, std::uint32_t* packed) {
    const auto* const from = static_cast<const std::uint16_t*>(WeightsFrom(w, term, column).values);
    for (std::int64_t p = 0; p < panels; ++p) {
      PackPairPanel(from + p * kPanelColumns * w.column_stride, w, terms, w.columns - column - p * kPanelColumns,
                    packed + p * kStride);
    }
  }

  // Rounded rows; zero is the partner of a last term that has none.
  static HWY_NOINLINE Rows Ready(ConstRowView x, std::int64_t rows, std::int64_t terms, std::uint32_t* to) {
    for (std::int64_t r = 0; r < rows; ++r) {
      auto* const row = reinterpret_cast<std::uint16_t*>(to + r * kRowNumbers);
      RoundNumbers(x.values + r * x.stride, terms, row);
      if (terms % 2 == 1) row[terms] = 0;
    }
    return {to, kRowNumbers};
  }

  template <bool kAdd>
  static void MultiplyPanel(Rows x, std::int64_t rows, const std::uint32_t* packed, std::int64_t terms, RowView y,
                            Ahead& next) {
    MultiplyRows<PairProduct, kAdd>(x, rows, packed, terms, y, next);
  }

  template <int kRows, bool kAdd, class Meanwhile>
  static HWY_NOINLINE void Multiply(Rows x, const std::uint32_t* HWY_RESTRICT packed, std::int64_t terms, RowView y,
                                    Meanwhile& meanwhile) {
    const U u;
    FetchTile<kRows, kAdd>(y);
    const std::uint32_t* HWY_RESTRICT row = x.values;
    V sum[kRows][kVectors];
    EL_UNROLL for (int r = 0; r < kRows; ++r) {
      EL_UNROLL for (int c = 0; c < kVectors; ++c) sum[r][c] = hn::Zero(F());
    }
    for (std::int64_t k = 0; k < (terms + 1) / 2; ++k, ++row, packed += kPanelColumns) {
      if (k % kMeanwhile == 0) meanwhile();
      VU w[kVectors];
      EL_UNROLL for (int c = 0; c < kVectors; ++c) w[c] = hn::Load(u, packed + c * kLanes);
      EL_UNROLL for (int r = 0; r < kRows; ++r) {
        const VU value = hn::Set(u, row[r * kRowNumbers]);
        EL_UNROLL for (int c = 0; c < kVectors; ++c) sum[r][c] = PairDot(sum[r][c], value, w[c]);
      }
    }
    PutTile<kRows, kAdd>(sum, y);
  }

  static HWY_NOINLINE void AddFew(Rows x, std::int64_t rows, const WeightView& w, std::int64_t terms,
                                  std::int64_t columns, float* sums, std::int64_t stride) {
    const auto* from = static_cast<const std::uint16_t*>(w.values);
    for (std::int64_t k = 0; k < terms; k += 2 * kFewPairs, from += 2 * kFewPairs * w.term_stride) {
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::uint32_t* const value = x.values + r * x.stride + k / 2;
        if (terms - k >= 2 * kFewPairs) {
          AddPairTerms<kFewPairs>(value, from, w.term_stride, w.term_stride, columns, sums + r * stride);
          continue;
        }
        for (std::int64_t i = 0; i < terms - k; i += 2) {
          AddPairTerms<1>(value + i / 2, from + i * w.term_stride, w.term_stride, i + 1 < terms - k ? w.term_stride : 0,
                          columns, sums + r * stride);
        }
      }
    }
  }

 private:
  static constexpr std::int64_t kFewPairs = 4;
};

template <class Product>
void MultiplyAsWeights(const RowProduct& job, std::int64_t first_panel, std::int64_t panels, float* scratch) {
  const bool rounded = job.w.bfloat16 && job.precision == RowPrecision::OfWeights;
  (rounded ? MultiplyPanels<Product> : MultiplyPanels<WideProduct>)(job, first_panel, panels, scratch);
}

template <class Product>
std::int64_t EitherScratch() {
  return std::max(ScratchOf<Product>(), ScratchOf<WideProduct>());
}

template <class Product>
RowKernels WithUnit(Bfloat16Unit unit) {
  RowKernels made = KernelsOfTarget();
  made.unit = unit;
  made.multiply = MultiplyAsWeights<Product>;
  made.product_scratch = EitherScratch<Product>;
  return made;
}

const RowKernels& PairKernelsOfTarget() {
  static const RowKernels kernels = WithUnit<PairProduct>(Bfloat16Unit::Pairs);
  return kernels;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_PAIRS()
