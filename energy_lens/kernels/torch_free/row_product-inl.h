// Products of rows with a weight matrix for one instruction set.
#if defined(ENERGY_LENS_ROW_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_PRODUCT_INL_H_
#undef ENERGY_LENS_ROW_PRODUCT_INL_H_
#else
#define ENERGY_LENS_ROW_PRODUCT_INL_H_
#endif

#include <vector>

#include "energy_lens/kernels/torch_free/ahead-inl.h"
#include "energy_lens/kernels/torch_free/row_few-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// The terms of so many blocks of rows stand ready at once; W is packed anew for the next ones.
constexpr std::int64_t kReadyBlocks = 9;

// What products by register tiles share.
struct RegisterTiles {
  static constexpr std::int64_t kTerms = HWY_NAMESPACE::kTerms;  // of a panel
  // So many rows meet a group of panels before the next ones do: in cache they take about half of its place.
  static constexpr std::int64_t kRowBlock = 120;
  static constexpr std::int64_t kRowsAtOnce = kTileRows;
  static constexpr std::int64_t kGroupsTogether = 4;  // share the ready terms of rows
  static constexpr bool kContinues = false;           // sums of a later panel start from zero and are added to y
};

// Products of fp32 rows with weights that are widened to fp32 panel by panel.
struct WideProduct : WideTile, RegisterTiles {
  static constexpr std::int64_t kGroupPanels = 256 / kPanelColumns;
  static constexpr std::int64_t kPanelStride = kWidePanelStride;
  static constexpr std::int64_t kRowNumbers = 0;  // of working memory a row of x

  // How often a tile of so many terms calls meanwhile().
  static std::int64_t Calls(std::int64_t terms) { return (terms + kMeanwhile - 1) / kMeanwhile; }

  // Panels of a group, terms [term, term + terms), kPanelStride apart.
  static void Pack(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term, std::int64_t terms,
                   float* packed) {
    (w.bfloat16 ? PackGroup<hwy::bfloat16_t> : PackGroup<float>)(w, column, panels, term, terms, packed);
  }

  static Rows Ready(ConstRowView x, std::int64_t, std::int64_t, float*) { return x; }

  // y [R, kPanelColumns] (+)= x [R, terms] times a packed panel.
  template <bool kAdd>
  static void MultiplyPanel(Rows x, std::int64_t rows, const float* packed, std::int64_t terms, RowView y,
                            Ahead& next) {
    MultiplyRows<WideTile, kAdd>(x, rows, packed, terms, y, next);
  }

  // sums [R, columns], rows `stride` apart, += x [R, terms] w; w's rows begin at its values.
  static void AddFew(Rows x, std::int64_t rows, const WeightView& w, std::int64_t terms, std::int64_t columns,
                     float* sums, std::int64_t stride) {
    (w.bfloat16 ? AddFewTerms<hwy::bfloat16_t> : AddFewTerms<float>)(x, rows, w, terms, columns, sums, stride);
  }
};

// A panel that reaches past the last column goes through a tile of its own, so that nothing is written beyond y.
template <class Product, bool kAdd>
HWY_INLINE void MultiplyEnd(typename Product::Rows x, std::int64_t rows, const typename Product::Number* packed,
                            std::int64_t terms, RowView y, std::int64_t columns, Ahead& next) {
  HWY_ALIGN float tile[Product::kRowsAtOnce * kPanelColumns];
  for (std::int64_t begin = 0; begin < rows; begin += Product::kRowsAtOnce) {
    const std::int64_t count = std::min(Product::kRowsAtOnce, rows - begin);
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(y.values + (begin + r) * y.stride, kAdd ? columns : 0, tile + r * kPanelColumns);
    }
    Product::template MultiplyPanel<kAdd>({x.values + begin * x.stride, x.stride}, count, packed, terms,
                                          {tile, kPanelColumns}, next);
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(tile + r * kPanelColumns, columns, y.values + (begin + r) * y.stride);
    }
  }
}

template <class Product, bool kAdd>
void MultiplyGroup(typename Product::Rows x, std::int64_t rows, const typename Product::Number* packed,
                   std::int64_t terms, RowView y, std::int64_t columns, Ahead& next) {
  for (std::int64_t c = 0; c < columns; c += kPanelColumns, packed += Product::kPanelStride) {
    if (columns - c >= kPanelColumns) {
      Product::template MultiplyPanel<kAdd>(x, rows, packed, terms, {y.values + c, y.stride}, next);
    } else {
      MultiplyEnd<Product, kAdd>(x, rows, packed, terms, {y.values + c, y.stride}, columns - c, next);
    }
  }
}

// Columns [column, column + panels kPanelColumns) and terms [term, term + terms) of W: what is packed at once.
struct Part {
  std::int64_t column, panels, term, terms;
};

// Product::kGroupsTogether groups share the ready rows of x, term panel after term panel.
template <class Product>
std::vector<Part> PartsOf(const WeightView& w, std::int64_t first_panel, std::int64_t panels) {
  std::vector<Part> parts;
  const std::int64_t groups = (panels + Product::kGroupPanels - 1) / Product::kGroupPanels;
  for (std::int64_t first = 0; first < groups; first += Product::kGroupsTogether) {
    for (std::int64_t term = 0; term < w.terms; term += Product::kTerms) {
      for (std::int64_t g = first; g < std::min(groups, first + Product::kGroupsTogether); ++g) {
        const std::int64_t begin = panels * g / groups, end = panels * (g + 1) / groups;
        parts.push_back(
            {(first_panel + begin) * kPanelColumns, end - begin, term, std::min(Product::kTerms, w.terms - term)});
      }
    }
  }
  return parts;
}

// Rows, or columns where the terms of a column lie side by side.
Ahead WeightsAhead(const WeightView& w, const Part& part, std::int64_t calls) {
  const std::int64_t size = w.bfloat16 ? 2 : 4,
                     columns = std::min(part.panels * kPanelColumns, w.columns - part.column);
  const void* const from = WeightsFrom(w, part.term, part.column).values;
  if (w.column_stride == 1) return {from, w.term_stride * size, columns * size, part.terms, calls};
  return {from, w.column_stride * size, part.terms * size, columns, calls};
}

template <class Product>
void MultiplyPart(const RowProduct& job, const Part& part, typename Product::Rows x,
                  const typename Product::Number* packed, Ahead& next) {
  const std::int64_t columns = std::min(part.panels * kPanelColumns, job.w.columns - part.column);
  for (std::int64_t begin = 0; begin < job.rows; begin += Product::kRowBlock) {
    const std::int64_t rows = std::min(Product::kRowBlock, job.rows - begin);
    const RowView y{job.y.values + begin * job.y.stride + part.column, job.y.stride};
    const typename Product::Rows block{x.values + begin * x.stride, x.stride};
    (part.term == 0 ? MultiplyGroup<Product, false> : MultiplyGroup<Product, true>)(block, rows, packed, part.terms, y,
                                                                                    columns, next);
    if (part.term + part.terms == job.w.terms) FinishBlock(job, part.column, columns, y, rows);
  }
}

// At most kReadyBlocks blocks of rows.
template <class Product>
void MultiplyParts(const RowProduct& job, const std::vector<Part>& parts, float* scratch) {
  auto* const packed = reinterpret_cast<typename Product::Number*>(scratch);
  typename Product::Rows x;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    Product::Pack(job.w, part.column, part.panels, part.term, part.terms, packed);
    if (i == 0 || parts[i - 1].term != part.term) {
      x = Product::Ready({job.x.values + part.term, job.x.stride}, job.rows, part.terms,
                         packed + Product::kGroupPanels * Product::kPanelStride);
    }
    const std::int64_t tiles = part.panels * ((job.rows + Product::kRowsAtOnce - 1) / Product::kRowsAtOnce);
    const std::int64_t calls = tiles * Product::Calls(part.terms);
    Ahead next = i + 1 < parts.size() ? WeightsAhead(job.w, parts[i + 1], calls) : Ahead();
    MultiplyPart<Product>(job, part, x, packed, next);
  }
}

template <class Product>
std::int64_t ScratchOf() {
  constexpr std::int64_t kReadyRows = kReadyBlocks * Product::kRowBlock;
  return std::max(Product::kPanelStride * Product::kGroupPanels + Product::kRowNumbers * kReadyRows,
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
  const std::vector<Part> parts = PartsOf<Product>(job.w, first_panel, panels);
  constexpr std::int64_t kReadyRows = kReadyBlocks * Product::kRowBlock;
  for (std::int64_t begin = 0; begin < job.rows; begin += kReadyRows) {
    RowProduct rows = job;
    rows.x.values += begin * job.x.stride;
    rows.y.values += begin * job.y.stride;
    rows.rows = std::min(kReadyRows, job.rows - begin);
    MultiplyParts<Product>(rows, parts, scratch);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
