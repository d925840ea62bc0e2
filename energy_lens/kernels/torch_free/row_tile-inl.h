// What the row kernels of one instruction set share: the product of a tile, activations, ends of rows.
#if defined(ENERGY_LENS_ROW_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_TILE_INL_H_
#undef ENERGY_LENS_ROW_TILE_INL_H_
#else
#define ENERGY_LENS_ROW_TILE_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cstring>

#include "energy_lens/kernels/torch_free/exponential-inl.h"
#include "energy_lens/kernels/torch_free/row_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr std::int64_t kPanelColumns = kVectors * kLanes;

// Sums that wait further away than the first-level cache come nearer while the products are made.
template <int kRows, bool kAdd>
HWY_INLINE void FetchTile(RowView y) {
  if constexpr (!kAdd) return;
  EL_UNROLL for (int r = 0; r < kRows; ++r) {
    EL_UNROLL for (int c = 0; c < kVectors; ++c) __builtin_prefetch(y.values + r * y.stride + c * kLanes, 1);
  }
}

template <int kRows, bool kAdd>
HWY_INLINE void PutTile(const V (&sum)[kRows][kVectors], RowView y) {
  const F f;
  EL_UNROLL for (int r = 0; r < kRows; ++r) {
    EL_UNROLL for (int c = 0; c < kVectors; ++c) {
      float* const to = y.values + r * y.stride + c * kLanes;
      hn::StoreU(kAdd ? hn::Add(hn::LoadU(f, to), sum[r][c]) : sum[r][c], f, to);
    }
  }
}

// meanwhile() is called once in so many terms of a tile.
constexpr std::int64_t kMeanwhile = 16;
struct Nothing {
  HWY_INLINE void operator()() const {}
};

// x [kRows, terms] times a packed panel [terms, kPanelColumns] -> sums in registers, one chain of fused multiply-adds
// an entry; added to y [kRows, kPanelColumns], or put there.
struct WideTile {
  using Number = float;  // of a panel
  using Rows = ConstRowView;

  template <int kRows, bool kAdd, class Meanwhile>
  static HWY_NOINLINE void Multiply(Rows x, const float* HWY_RESTRICT packed, std::int64_t terms, RowView y,
                                    Meanwhile& meanwhile) {
    const F f;
    FetchTile<kRows, kAdd>(y);
    V sum[kRows][kVectors];
    // Three rows a pointer: more pointers than registers would be read anew for every term.
    constexpr int kPointers = (kRows + 2) / 3;
    const float* HWY_RESTRICT row[kPointers];
    EL_UNROLL for (int p = 0; p < kPointers; ++p) row[p] = x.values + 3 * p * x.stride;
    EL_UNROLL for (int r = 0; r < kRows; ++r) { EL_UNROLL for (int c = 0; c < kVectors; ++c) sum[r][c] = hn::Zero(f); }
    for (std::int64_t k = 0; k < terms; ++k) {
      if (k % kMeanwhile == 0) meanwhile();
      V w[kVectors];
      EL_UNROLL for (int c = 0; c < kVectors; ++c) w[c] = hn::Load(f, packed + k * kPanelColumns + c * kLanes);
      EL_UNROLL for (int r = 0; r < kRows; ++r) {
        const V value = hn::Set(f, row[r / 3][r % 3 * x.stride]);
        EL_UNROLL for (int c = 0; c < kVectors; ++c) sum[r][c] = hn::MulAdd(value, w[c], sum[r][c]);
      }
      EL_UNROLL for (int p = 0; p < kPointers; ++p)++ row[p];
    }
    PutTile<kRows, kAdd>(sum, y);
  }
};

// Fewer rows than kTileRows in one tile of as many: two tiles of few rows would each wait for their own chains.
template <class Tile, bool kAdd, int kRows = kTileRows - 1, class Meanwhile>
HWY_INLINE void MultiplyLast(typename Tile::Rows x, std::int64_t rows, const typename Tile::Number* packed,
                             std::int64_t terms, RowView y, Meanwhile& meanwhile) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      Tile::template Multiply<kRows, kAdd>(x, packed, terms, y, meanwhile);
    } else {
      MultiplyLast<Tile, kAdd, kRows - 1>(x, rows, packed, terms, y, meanwhile);
    }
  }
}

template <class Tile, bool kAdd, class Meanwhile>
HWY_INLINE void MultiplyRows(typename Tile::Rows x, std::int64_t rows, const typename Tile::Number* packed,
                             std::int64_t terms, RowView y, Meanwhile& meanwhile) {
  std::int64_t begin = 0;
  for (; begin + kTileRows <= rows; begin += kTileRows) {
    Tile::template Multiply<kTileRows, kAdd>({x.values + begin * x.stride, x.stride}, packed, terms,
                                             {y.values + begin * y.stride, y.stride}, meanwhile);
  }
  MultiplyLast<Tile, kAdd>({x.values + begin * x.stride, x.stride}, rows - begin, packed, terms,
                           {y.values + begin * y.stride, y.stride}, meanwhile);
}

// function(V) of every number of a row; a short end goes through a whole vector, so that its bits are the same.
template <class Function>
HWY_INLINE void MapRow(const float* from, std::int64_t count, float* to, const Function& function) {
  const F f;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) hn::StoreU(function(hn::LoadU(f, from + i), i), f, to + i);
  if (i == count) return;
  HWY_ALIGN float end[kLanes] = {};
  const std::size_t bytes = static_cast<std::size_t>(count - i) * sizeof(float);
  std::memcpy(end, from + i, bytes);
  hn::Store(function(hn::Load(f, end), i), f, end);
  std::memcpy(to + i, end, bytes);
}

// The numbers at i, zeros beyond count.
HWY_INLINE V LoadEnd(const float* from, std::int64_t i, std::int64_t count) {
  const F f;
  if (i + kLanes <= count) return hn::LoadU(f, from + i);
  HWY_ALIGN float end[kLanes] = {};
  std::memcpy(end, from + i, static_cast<std::size_t>(count - i) * sizeof(float));
  return hn::Load(f, end);
}

// x / (1 + e^-a), with a = x the SiLU: e^-|a| / (1 + e^-|a|) of x where a < 0.
HWY_INLINE V TimesSigmoid(V x, V a) {
  const F f;
  const V e = ExpNotPositive(hn::Neg(hn::Abs(a)));
  const V part = hn::IfThenElse(hn::Lt(a, hn::Zero(f)), hn::Mul(x, e), x);
  return hn::Div(part, hn::Add(hn::Set(f, 1.0f), e));
}

// x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3) (Hendrycks & Gimpel 1606.08415).
HWY_INLINE V GeluTanh(V x) {
  const F f;
  const V inner = hn::MulAdd(hn::Mul(hn::Set(f, 0.044715f), hn::Mul(x, x)), x, x);
  return TimesSigmoid(x, hn::Mul(hn::Set(f, 1.5957691216057308f), inner));
}

// e^(z^2) erfc(z), z >= 0: t times a polynomial in t = 1 / (1 + z/2), fitted by weighted least squares at Chebyshev
// nodes on z in [0, 10]; relative error in fp32 below 3e-7.
HWY_INLINE V ScaledErfc(V z) {
  const F f;
  constexpr float kTerms[] = {0.28208235f, 0.28245384f,  0.24247938f, 0.20536043f, -0.03339902f,
                              0.28851515f, -0.49682957f, 0.28944612f, -0.06010871f};
  const V one = hn::Set(f, 1.0f), t = hn::Div(one, hn::MulAdd(z, hn::Set(f, 0.5f), one));
  V sum = hn::Set(f, kTerms[8]);
  for (int i = 7; i >= 0; --i) sum = hn::MulAdd(sum, t, hn::Set(f, kTerms[i]));
  return hn::Mul(sum, t);
}

// x Phi(x) = max(x, 0) - |x| erfc(|x| / sqrt 2) / 2.
HWY_INLINE V GeluErf(V x) {
  const F f;
  const V z = hn::Mul(hn::Abs(x), hn::Set(f, 0.70710678f));
  const V erfc = hn::Mul(ScaledErfc(z), ExpNotPositive(hn::Neg(hn::Mul(z, z))));
  const V tail = hn::Mul(hn::Mul(z, hn::Set(f, 0.70710678f)), erfc);
  return hn::Sub(hn::Max(x, hn::Zero(f)), tail);
}

HWY_INLINE V Activated(RowActivation activation, V x) {
  switch (activation) {
    case RowActivation::GeluTanh:
      return GeluTanh(x);
    case RowActivation::GeluErf:
      return GeluErf(x);
    case RowActivation::Relu:
      return hn::IfThenElse(hn::Lt(x, hn::Zero(F())), hn::Zero(F()), x);
    case RowActivation::Silu:
      return TimesSigmoid(x, x);
    case RowActivation::None:
      break;
  }
  return x;
}

// y [rows, columns] = activation(y + bias): columns [column, column + columns) of the product.
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

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
