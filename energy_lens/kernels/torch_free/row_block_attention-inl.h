// Causal attention of one head by products of blocks (block_dot-inl.h). Every factor is the sum of two bf16 numbers, so
// that 16 bits of it count, and of the four products of two such sums the smallest is left out. Queries stand side by
// side in lanes, 32 in a tile: what is summed over keys is one chain a lane. Included after row_pairs-inl.h: hence no
// guard.
#include "energy_lens/kernels/torch_free/row_block_heads-inl.h"

EL_BEFORE_BLOCKS()
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

// kBlockColumns queries while their keys go by; all arrays [.., kBlockColumns].
struct QueryLanes {
  std::int64_t query, count;  // queries [query, query + count)
  std::uint32_t* queries;     // pairs of columns: [rounded; rounded; left]
  float* scores;              // [kKeys]
  std::uint32_t* weights;     // pairs of keys: [rounded; rounded; left] of e^(s - m)
  float* sums;                // [columns] sum of e^(s - m) v
  float largest[kBlockColumns], total[kBlockColumns];

  QueryLanes(const BlockHead& packed, float* memory)
      : queries(reinterpret_cast<std::uint32_t*>(memory)),
        scores(memory + kThree * packed.Columns() / 2 * kBlockColumns),
        weights(reinterpret_cast<std::uint32_t*>(scores + kKeys * kBlockColumns)),
        sums(reinterpret_cast<float*>(weights) + kThree * kKeys / 2 * kBlockColumns) {}

  static std::int64_t Numbers(std::int64_t columns) {
    return kBlockColumns * (kThree * columns / 2 + kKeys + kThree * kKeys / 2 + columns);
  }
};

void SplitQueries(const HeadAttention& head, std::int64_t columns, QueryLanes& tile) {
  float* const turned = tile.sums;  // not yet in use
  std::fill_n(turned, columns * kBlockColumns, 0.0f);
  TurnRows(head.q.values + tile.query * head.q.stride, head.q.stride, tile.count, head.width, turned, kBlockColumns);
  const std::int64_t part = columns / 2 * kBlockColumns;
  const V scale = hn::Set(F(), head.scale);
  for (std::int64_t at = 0; at < part; at += kLanes) {
    const float* const from = turned + at / kBlockColumns * 2 * kBlockColumns + at % kBlockColumns;
    const TwoParts split =
        Split(hn::Mul(hn::Load(F(), from), scale), hn::Mul(hn::Load(F(), from + kBlockColumns), scale));
    hn::Store(split.rounded, U(), tile.queries + at);
    hn::Store(split.rounded, U(), tile.queries + part + at);
    hn::Store(split.left, U(), tile.queries + 2 * part + at);
  }
}

// Scores of keys that a lane's query does not see, or that there are not, become -infinity.
HWY_INLINE void HideKeys(const HeadAttention& head, const QueryLanes& tile, std::int64_t block, int k) {
  const F f;
  const auto first = static_cast<float>(head.first_query + tile.query - block * kKeys + k);
  const V newest = hn::Iota(f, first);  // the last key that a lane sees
  const V oldest = head.window > 0 ? hn::Sub(newest, hn::Set(f, static_cast<float>(head.window - 1)))
                                   : hn::Set(f, std::numeric_limits<float>::lowest());
  const V hidden = hn::Set(f, -std::numeric_limits<float>::infinity());
  for (std::int64_t j = 0; j < kKeys; ++j) {
    float* const at = tile.scores + j * kBlockColumns + k;
    const V key = hn::Set(f, static_cast<float>(j));
    const auto seen = hn::And(hn::Le(key, newest), hn::Ge(key, oldest));
    hn::Store(hn::IfThenElse(seen, hn::Load(f, at), hidden), f, at);
  }
}

// m rises to the largest score; sums and totals so far shrink with it.
HWY_INLINE V RaiseLargest(std::int64_t columns, QueryLanes& tile, int k) {
  const F f;
  const V before = hn::LoadU(f, tile.largest + k);
  V most = before;
  for (std::int64_t j = 0; j < kKeys; ++j) most = hn::Max(most, hn::Load(f, tile.scores + j * kBlockColumns + k));
  if (hn::AllTrue(f, hn::Eq(most, before))) return most;
  const V shrink = ExpNotPositive(hn::Sub(before, most));
  hn::StoreU(most, f, tile.largest + k);
  hn::StoreU(hn::Mul(hn::LoadU(f, tile.total + k), shrink), f, tile.total + k);
  for (std::int64_t d = 0; d < columns; ++d) {
    float* const sum = tile.sums + d * kBlockColumns + k;
    hn::Store(hn::Mul(hn::Load(f, sum), shrink), f, sum);
  }
  return most;
}

HWY_INLINE void WeighKeys(QueryLanes& tile, V largest, int k) {
  const F f;
  constexpr std::int64_t kPart = kKeys / 2 * kBlockColumns;
  V total = hn::Zero(f);
  for (std::int64_t j = 0; j < kKeys; j += 2) {
    const float* const at = tile.scores + j * kBlockColumns + k;
    const V first = ExpNotPositive(hn::Sub(hn::Load(f, at), largest));
    const V second = ExpNotPositive(hn::Sub(hn::Load(f, at + kBlockColumns), largest));
    total = hn::Add(total, hn::Add(first, second));
    const TwoParts split = Split(first, second);
    std::uint32_t* const to = tile.weights + j / 2 * kBlockColumns + k;
    hn::Store(split.rounded, U(), to);
    hn::Store(split.rounded, U(), to + kPart);
    hn::Store(split.left, U(), to + 2 * kPart);
  }
  hn::StoreU(hn::Add(hn::LoadU(f, tile.total + k), total), f, tile.total + k);
}

void MultiplyLeft(const std::uint16_t* rows, std::int64_t count, std::int64_t stride, const std::uint32_t* right,
                  std::int64_t steps, bool add, float* sums) {
  Nothing nothing;
  for (std::int64_t r = 0; r < count; r += kBlockRows) {
    const BlockRows left{rows + r * stride, 2 * stride, 2 * kStepTerms};
    float* const to = sums + r * kBlockColumns;
    if (add) {
      MultiplyBlock<true>(left, right, steps, to, kBlockColumns, nothing);
    } else {
      MultiplyBlock<false>(left, right, steps, to, kBlockColumns, nothing);
    }
  }
}

void AttendKeys(const HeadAttention& head, const BlockHead& packed, QueryLanes& tile, std::int64_t block) {
  MultiplyLeft(packed.Keys(block), kKeys, packed.KeyStride(), tile.queries, kThree * packed.steps, false, tile.scores);
  const F f;
  const std::int64_t first = head.first_query + tile.query, newest = (block + 1) * kKeys - 1;
  const bool hides = newest > first || (head.window > 0 && block * kKeys <= first + kBlockColumns - head.window);
  for (int k = 0; k < kBlockColumns; k += kLanes) {
    if (head.cap != 0.0f) {
      const V cap = hn::Set(f, head.cap);
      for (std::int64_t j = 0; j < kKeys; ++j) {
        float* const at = tile.scores + j * kBlockColumns + k;
        hn::Store(hn::Mul(hn::Tanh(f, hn::Div(hn::Load(f, at), cap)), cap), f, at);
      }
    }
    if (hides) HideKeys(head, tile, block, k);
    WeighKeys(tile, RaiseLargest(packed.Columns(), tile, k), k);
  }
  MultiplyLeft(packed.Values(block), packed.Columns(), BlockHead::kValueStride, tile.weights,
               kThree * kKeys / kStepTerms, true, tile.sums);
}

void PutResults(const HeadAttention& head, QueryLanes& tile) {
  for (std::int64_t d = 0; d < head.width; ++d) {
    for (int k = 0; k < kBlockColumns; k += kLanes) {
      float* const sum = tile.sums + d * kBlockColumns + k;
      hn::Store(hn::Div(hn::Load(F(), sum), hn::LoadU(F(), tile.total + k)), F(), sum);
    }
  }
  TurnRows(tile.sums, kBlockColumns, head.width, tile.count, head.z.values + tile.query * head.z.stride, head.z.stride);
}

void AttendLanes(const HeadAttention& head, const BlockHead& packed, QueryLanes& tile) {
  SplitQueries(head, packed.Columns(), tile);
  std::fill_n(tile.sums, packed.Columns() * kBlockColumns, 0.0f);
  std::fill_n(tile.largest, kBlockColumns, std::numeric_limits<float>::lowest());
  std::fill_n(tile.total, kBlockColumns, 0.0f);
  const KeyBlocks seen = BlocksSeen(head, tile.query, tile.count);
  for (std::int64_t block = seen.first; block < seen.end; ++block) AttendKeys(head, packed, tile, block);
  PutResults(head, tile);
}

std::int64_t BlockAttentionScratch(const HeadAttention& head) {
  const KeyBlocks seen = BlocksSeen(head, 0, head.queries);
  const std::int64_t columns = StepsOf(head.width) * kStepTerms;
  const std::int64_t packed = (seen.end - seen.first) * kKeys * columns * 2 * kThree / 2;
  return packed + std::max(QueryLanes::Numbers(columns), kKeys * columns);
}

void AttendByBlocks(const HeadAttention& head, float* scratch) {
  const BlockHead packed(head, scratch);
  const std::int64_t keys = head.first_query + head.queries;
  QueryLanes tile(packed, packed.rest);
  auto* const parts = reinterpret_cast<std::uint16_t*>(packed.rest);  // of one block's values; the tile comes later
  for (std::int64_t block = packed.first_block; block < packed.first_block + packed.blocks; ++block) {
    const std::int64_t count = std::min(kKeys, keys - block * kKeys);
    SplitKeys(head, packed, block, count);
    SplitValues(head, packed, block, count, parts);
  }
  const BlockRegisters registers;
  for (tile.query = 0; tile.query < head.queries; tile.query += kBlockColumns) {
    tile.count = std::min<std::int64_t>(kBlockColumns, head.queries - tile.query);
    AttendLanes(head, packed, tile);
  }
}

void AttendAsWeights(const HeadAttention& head, float* scratch) {
  (head.precision == RowPrecision::OfWeights ? AttendByBlocks : Attend)(head, scratch);
}

std::int64_t EitherAttentionScratch(const HeadAttention& head) {
  return std::max(AttentionScratch(head), BlockAttentionScratch(head));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
EL_AFTER_BLOCKS()
