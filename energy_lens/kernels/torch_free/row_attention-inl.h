// Causal attention of one head for one instruction set.
#if defined(ENERGY_LENS_ROW_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ENERGY_LENS_ROW_ATTENTION_INL_H_
#undef ENERGY_LENS_ROW_ATTENTION_INL_H_
#else
#define ENERGY_LENS_ROW_ATTENTION_INL_H_
#endif

#include <limits>

#include "energy_lens/kernels/torch_free/row_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace energy_lens {
namespace HWY_NAMESPACE {
namespace {

constexpr std::int64_t kKeys = 64, kQueries = 48;
static_assert(kKeys % kPanelColumns == 0 && kQueries % kTileRows == 0);

HWY_INLINE std::int64_t PanelsOf(std::int64_t columns) { return (columns + kPanelColumns - 1) / kPanelColumns; }

// Blocks of keys that a head's queries see.
struct KeyBlocks {
  std::int64_t first, end;
};
KeyBlocks BlocksSeen(const HeadAttention& head, std::int64_t query, std::int64_t count) {
  const std::int64_t position = head.first_query + query;
  const std::int64_t oldest = head.window > 0 ? std::max<std::int64_t>(position - head.window + 1, 0) : 0;
  return {oldest / kKeys, (position + count - 1) / kKeys + 1};
}

// Keys turned to [Dh, kKeys], a panel after the other; values [kKeys, Dh], the same. Zeros stand beyond the ends.
struct PackedHead {
  std::int64_t first_block, width, value_panels;
  float *keys, *values;

  float* KeyPanel(std::int64_t block, std::int64_t panel) const {
    return keys + (block - first_block) * kKeys * width + panel * width * kPanelColumns;
  }
  float* ValuePanel(std::int64_t block, std::int64_t panel) const {
    return values + ((block - first_block) * value_panels + panel) * kKeys * kPanelColumns;
  }
};

void PackKeys(const HeadAttention& head, const PackedHead& packed, std::int64_t block, std::int64_t count) {
  for (std::int64_t j = 0; j < kKeys; ++j) {
    float* const to = packed.KeyPanel(block, j / kPanelColumns) + j % kPanelColumns;
    const float* const key = head.k.values + (block * kKeys + j) * head.k.stride;
    for (std::int64_t d = 0; d < head.width; ++d) to[d * kPanelColumns] = j < count ? key[d] : 0.0f;
  }
}

void PackValues(const HeadAttention& head, const PackedHead& packed, std::int64_t block, std::int64_t count) {
  for (std::int64_t p = 0; p < packed.value_panels; ++p) {
    float* const to = packed.ValuePanel(block, p);
    const std::int64_t columns = std::min(kPanelColumns, head.width - p * kPanelColumns);
    std::fill_n(to, kKeys * kPanelColumns, 0.0f);
    for (std::int64_t j = 0; j < count; ++j) {
      std::copy_n(head.v.values + (block * kKeys + j) * head.v.stride + p * kPanelColumns, columns,
                  to + j * kPanelColumns);
    }
  }
}

// A tile of queries while its keys go by.
struct QueryTile {
  std::int64_t query, count;  // queries [query, query + count)
  float* scores;              // [kQueries, kKeys]
  float* sums;                // [kQueries, Dh rounded up to panels] sum of e^(s - m) v
  float largest[kQueries];    // m
  float total[kQueries];      // sum of e^(s - m)
};

// Scores of row r and keys [low, high) of a block become e^(s - m), the others 0.
HWY_INLINE void SoftmaxRow(const HeadAttention& head, QueryTile& tile, std::int64_t r, std::int64_t low,
                           std::int64_t high, std::int64_t width) {
  const F f;
  float* const row = tile.scores + r * kKeys;
  const V scale = hn::Set(f, head.scale), cap = hn::Set(f, head.cap);
  const V hidden = hn::Set(f, -std::numeric_limits<float>::infinity());
  V most = hn::Set(f, tile.largest[r]);
  for (std::int64_t i = 0; i < kKeys; i += kLanes) {
    V score = hn::Mul(hn::Load(f, row + i), scale);
    if (head.cap != 0.0f) score = hn::Mul(hn::Tanh(f, hn::Div(score, cap)), cap);
    if (low > i || high < i + kLanes) {
      const V key = hn::Iota(f, static_cast<float>(i));
      const auto seen =
          hn::And(hn::Ge(key, hn::Set(f, static_cast<float>(low))), hn::Lt(key, hn::Set(f, static_cast<float>(high))));
      score = hn::IfThenElse(seen, score, hidden);
    }
    hn::Store(score, f, row + i);
    most = hn::Max(most, score);
  }
  const float largest = hn::GetLane(hn::MaxOfLanes(f, most));
  const V m = hn::Set(f, largest);
  V total = hn::Zero(f);
  for (std::int64_t i = 0; i < kKeys; i += kLanes) {
    const V weight = ExpNotPositive(hn::Sub(hn::Load(f, row + i), m));
    hn::Store(weight, f, row + i);
    total = hn::Add(total, weight);
  }
  const float block_total = hn::GetLane(hn::SumOfLanes(f, total));
  if (largest == tile.largest[r]) {
    tile.total[r] += block_total;
    return;
  }
  const V shrink = ExpNotPositive(hn::Set(f, tile.largest[r] - largest));
  tile.total[r] = tile.total[r] * hn::GetLane(shrink) + block_total;
  tile.largest[r] = largest;
  for (std::int64_t d = 0; d < width; d += kLanes) {
    float* const sum = tile.sums + r * width + d;
    hn::Store(hn::Mul(hn::Load(f, sum), shrink), f, sum);
  }
}

void AttendBlock(const HeadAttention& head, const PackedHead& packed, QueryTile& tile, std::int64_t block) {
  const Nothing nothing;
  const ConstRowView q{head.q.values + tile.query * head.q.stride, head.q.stride};
  for (std::int64_t p = 0; p < kKeys / kPanelColumns; ++p) {
    MultiplyRows<WideTile, false>(q, tile.count, packed.KeyPanel(block, p), head.width,
                                  {tile.scores + p * kPanelColumns, kKeys}, nothing);
  }
  const std::int64_t width = packed.value_panels * kPanelColumns;
  for (std::int64_t r = 0; r < tile.count; ++r) {
    const std::int64_t position = head.first_query + tile.query + r - block * kKeys;
    const std::int64_t high = std::min(position + 1, kKeys);
    const std::int64_t low = head.window > 0 ? std::max<std::int64_t>(position - head.window + 1, 0) : 0;
    if (low >= high) {
      std::fill_n(tile.scores + r * kKeys, kKeys, 0.0f);
    } else {
      SoftmaxRow(head, tile, r, low, high, width);
    }
  }
  for (std::int64_t p = 0; p < packed.value_panels; ++p) {
    MultiplyRows<WideTile, true>({tile.scores, kKeys}, tile.count, packed.ValuePanel(block, p), kKeys,
                                 {tile.sums + p * kPanelColumns, width}, nothing);
  }
}

void AttendTile(const HeadAttention& head, const PackedHead& packed, QueryTile& tile) {
  const std::int64_t width = packed.value_panels * kPanelColumns;
  std::fill_n(tile.largest, kQueries, std::numeric_limits<float>::lowest());
  std::fill_n(tile.total, kQueries, 0.0f);
  std::fill_n(tile.sums, kQueries * width, 0.0f);
  const KeyBlocks seen = BlocksSeen(head, tile.query, tile.count);
  for (std::int64_t block = seen.first; block < seen.end; ++block) AttendBlock(head, packed, tile, block);
  for (std::int64_t r = 0; r < tile.count; ++r) {
    const V total = hn::Set(F(), tile.total[r]);
    MapRow(tile.sums + r * width, head.width, head.z.values + (tile.query + r) * head.z.stride,
           [&](V sum, std::int64_t) { return hn::Div(sum, total); });
  }
}

std::int64_t AttentionScratch(const HeadAttention& head) {
  const KeyBlocks seen = BlocksSeen(head, 0, head.queries);
  const std::int64_t width = PanelsOf(head.width) * kPanelColumns;
  return (seen.end - seen.first) * kKeys * (head.width + width) + kQueries * (kKeys + width);
}

void Attend(const HeadAttention& head, float* scratch) {
  const KeyBlocks seen = BlocksSeen(head, 0, head.queries);
  const std::int64_t blocks = seen.end - seen.first, keys = head.first_query + head.queries;
  PackedHead packed{seen.first, head.width, PanelsOf(head.width), scratch, scratch + blocks * kKeys * head.width};
  for (std::int64_t block = seen.first; block < seen.end; ++block) {
    const std::int64_t count = std::min(kKeys, keys - block * kKeys);
    PackKeys(head, packed, block, count);
    PackValues(head, packed, block, count);
  }
  QueryTile tile;
  tile.scores = packed.values + blocks * kKeys * packed.value_panels * kPanelColumns;
  tile.sums = tile.scores + kQueries * kKeys;
  for (tile.query = 0; tile.query < head.queries; tile.query += kQueries) {
    tile.count = std::min(kQueries, head.queries - tile.query);
    AttendTile(head, packed, tile);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace energy_lens
HWY_AFTER_NAMESPACE();

#endif
