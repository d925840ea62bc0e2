// Products of rows with a bf16 weight matrix by blocks (block_dot-inl.h): rows are rounded to bf16, sums stay in fp32,
// and a sum of any number of terms is one chain of steps. Included after row_pairs-inl.h, whose packing it shares, and
// only for targets that have blocks: hence no include guard.
#include "energy_lens/kernels/torch_free/row_block_attention-inl.h"

EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

static_assert(kPanelColumns == kBlockColumns);

struct BlockProduct {
  using Number = std::uint32_t;
  using Rows = PairRowView;
  // A panel of 64 KB, so that a group of them takes a quarter of a second-level cache of 2 MB.
  static constexpr std::int64_t kTerms = 1024, kGroupPanels = 256 / kPanelColumns;
  static constexpr std::int64_t kPanelStride = kTerms / 2 * kPanelColumns + kSpareLine;
  static constexpr std::int64_t kRowNumbers = kTerms / 2 + kSpareLine;
  static constexpr std::int64_t kRowBlock = 128, kRowsAtOnce = kBlockRows, kGroupsTogether = 16;
  static constexpr bool kContinues = true;

  static std::int64_t Calls(std::int64_t terms) { return StepsOf(terms); }

  static void Pack(const WeightView& w, std::int64_t column, std::int64_t panels, std::int64_t term, std::int64_t terms,
                   std::uint32_t* packed) {
    PairProduct::PackPanels<kPanelStride>(w, column, panels, term, terms, packed);
    const std::int64_t pairs = (terms + 1) / 2, whole = Calls(terms) * kStepPairs;
    for (std::int64_t p = 0; p < panels; ++p) {
      std::fill_n(packed + p * kPanelStride + pairs * kPanelColumns, (whole - pairs) * kPanelColumns, 0u);
    }
  }

  // Rounded rows with zeros up to a whole step. Those that fill a block up to its rows are left as they are: what comes
  // of them is never read.
  static HWY_NOINLINE Rows Ready(ConstRowView x, std::int64_t rows, std::int64_t terms, std::uint32_t* to) {
    for (std::int64_t r = 0; r < rows; ++r) {
      auto* const row = reinterpret_cast<std::uint16_t*>(to + r * kRowNumbers);
      RoundNumbers(x.values + r * x.stride, terms, row);
      std::fill_n(row + terms, Calls(terms) * kStepTerms - terms, std::uint16_t{0});
    }
    return {to, kRowNumbers};
  }

  // Sums stand close together until they are done: rows of y lie so that many share a place in the first-level cache.
  template <bool kAdd>
  static HWY_NOINLINE void MultiplyPanel(Rows x, std::int64_t rows, const std::uint32_t* packed, std::int64_t terms,
                                         RowView y, Ahead& next) {
    HWY_ALIGN float sums[kRowBlock * kBlockColumns];
    for (std::int64_t r = 0; kAdd && r < rows; ++r) {
      std::copy_n(y.values + r * y.stride, kBlockColumns, sums + r * kBlockColumns);
    }
    const std::int64_t calls = (rows + kBlockRows - 1) / kBlockRows * Calls(terms);
    Ahead result(y.values, 4 * y.stride, 4 * kBlockColumns, kAdd ? 0 : rows, calls);
    auto meanwhile = [&] {
      next();
      result();
    };
    const BlockRegisters registers;
    AddSteps<kAdd>(x, rows, packed, 0, Calls(terms), sums, meanwhile);
    for (std::int64_t step = kNearSteps; step < Calls(terms); step += kNearSteps) {
      AddSteps<true>(x, rows, packed, step, Calls(terms), sums, meanwhile);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(sums + r * kBlockColumns, kBlockColumns, y.values + r * y.stride);
    }
  }

  static HWY_NOINLINE void AddFew(Rows x, std::int64_t rows, const WeightView& w, std::int64_t terms,
                                  std::int64_t columns, float* sums, std::int64_t stride) {
    const BlockRegisters registers;
    const auto* from = static_cast<const std::uint16_t*>(w.values);
    for (std::int64_t k = 0; k < terms; k += kStepTerms, from += kStepTerms * w.term_stride) {
      for (std::int64_t r = 0; r < rows; ++r) {
        AddStepOfRow(x.values + r * x.stride + k / 2, from, w.term_stride,
                     std::min<std::int64_t>(kStepTerms, terms - k), columns, sums + r * stride);
      }
    }
  }

 private:
  // Steps [step, step + kNearSteps), of `steps`: their part of the panel stays near while all rows meet it.
  template <bool kAdd, class Meanwhile>
  static void AddSteps(Rows x, std::int64_t rows, const std::uint32_t* packed, std::int64_t step, std::int64_t steps,
                       float* sums, Meanwhile& meanwhile) {
    for (std::int64_t begin = 0; begin < rows; begin += kBlockRows) {
      const BlockRows left{x.values + begin * x.stride + step * kStepPairs, 4 * x.stride, 2 * kStepTerms};
      MultiplyBlock<kAdd>(left, packed + step * kStepPairs * kBlockColumns, std::min(kNearSteps, steps - step),
                          sums + begin * kBlockColumns, kBlockColumns, meanwhile);
    }
  }

  // sums [columns] += x [terms] w [terms, columns], at most a step.
  static HWY_INLINE void AddStepOfRow(const std::uint32_t* x, const std::uint16_t* w, std::int64_t term_stride,
                                      std::int64_t terms, std::int64_t columns, float* sums) {
    HWY_ALIGN std::uint16_t zeros[kLanes] = {}, ends[2][kLanes] = {};
    for (std::int64_t i = 0; i < columns; i += kLanes) {
      const auto lanes_of = [&](std::int64_t term, std::uint16_t* end) -> const std::uint16_t* {
        if (term >= terms) return zeros;
        const std::uint16_t* const at = w + term * term_stride + i;
        return i + kLanes <= columns ? at : std::copy_n(at, columns - i, end) - (columns - i);
      };
      const V sum = AddStep(
          hn::Load(F(), sums + i), [&](int j) { return hn::Set(U(), x[j]); },
          [&](int j) { return PairLanes(lanes_of(2 * j, ends[0]), lanes_of(2 * j + 1, ends[1])); });
      hn::Store(sum, F(), sums + i);
    }
  }
};

const RowKernels& BlockKernelsOfTarget() {
  static const RowKernels kernels = [] {
    RowKernels made = WithUnit<BlockProduct>(Bfloat16Unit::Blocks);
    made.attend = AttendAsWeights;
    made.attention_scratch = EitherAttentionScratch;
    return made;
  }();
  return kernels;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
