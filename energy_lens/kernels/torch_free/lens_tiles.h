// The inner loops of the fused lens for one instruction set. Rows stand side by side in vector lanes, so that every sum
// of a row is one chain in one lane: a row's bits depend neither on its neighbours nor on the vector's width.
#pragma once
#include <cstddef>
#include <cstdint>

namespace energy_lens {

inline constexpr int kMostLanes = 32;    // rows in a group, on the widest instruction set
inline constexpr int kMostHeight = 256;  // rows of a panel, on any

// A panel of W_U [count, D] fp32 in cache, cut for both products: block b holds columns b * tile .. of all rows, row
// after row. Rows are filled up to `padded`, columns to a multiple of `tile`, with zeros.
struct LensPanel {
  const float* packed = nullptr;
  std::int64_t first = 0, count = 0;  // vocabulary entries [first, first + count)
  std::int64_t padded = 0;            // count rounded up to whole tiles
  std::int64_t blocks = 0;            // ceil(D / tile)
  std::int64_t block_stride = 0;      // numbers from one block to the next
  const float* bias = nullptr;        // [padded] or null
  const void* ahead = nullptr;        // W_U's rows that will be packed next: multiply may fetch so many bytes of them
  std::int64_t ahead_bytes = 0;
};

// Where W_U lies: row v starts at values + v * stride numbers.
struct LensMatrix {
  const void* values = nullptr;  // fp32, or bfloat16
  bool bfloat16 = false;
  std::int64_t stride = 0, vocabulary = 0, width = 0;
};

// What has been summed so far over the vocabulary, for the rows of one group at one layer. m is the largest logit yet,
// t the target; "others" leaves the target out, which is added at the end so that p_t near 1 loses no digits.
struct alignas(64) LensSums {
  std::int32_t target[kMostLanes];
  float target_logit[kMostLanes];
  float below_target[kMostLanes];    // the next smaller number
  float largest[kMostLanes];         // m, at least z_t
  float rescale[kMostLanes];         // e^(m before - m) of the last panel
  double shrink[kMostLanes];         // the same in fp64
  double others[kMostLanes];         // sum over v != t of e^(z - m)
  double weighted[kMostLanes];       // sum over v != t of e^(z - m) (z - m)
  double differences[kMostLanes];    // sum over v of z - z_t
  double contrast[kMostLanes];       // sum over v of e^(zL - mL) ((zL - zL_t) - (z - z_t)); L is the last layer
  std::int32_t rank[kMostLanes];     // entries before the target: larger, or equal with a lower id
  std::int64_t kept = 0;             // the largest logits but the target's, per lane, descending, lower ids first
  float* kept_values = nullptr;      // [lanes, kept]
  std::int32_t* kept_ids = nullptr;  // [lanes, kept]
};

// The last layer's share of a panel: its logits and e^(zL - mL), both [count, lanes], targets included.
struct LensFinal {
  const LensSums* sums = nullptr;
  const float* logits = nullptr;
  const float* weights = nullptr;
};

// All arrays [.., lanes] start at multiples of 64 bytes.
struct LensTiles {
  const char* name;
  int lanes;                 // rows in a group
  int tile;                  // panel rows, and columns of W_U, in one register tile
  int columns;               // what D is filled up to a multiple of
  std::int64_t panel_bytes;  // of a packed panel, about: less than half of a second-level cache
  std::int64_t most_height;  // rows of a panel
  std::int64_t useful_rows;  // so many, of all layers, make the cost of packing a panel small
  double row_rounding;       // largest relative error of y as multiply reads it, beyond that of fp32
  // Turns y [D padded, lanes] into what multiply and target_logits read, in place; scratch as large. May be null.
  void (*ready)(std::int64_t padded_width, float* scratch, float* y);
  // Copies (and widens) rows [panel.first, +count) of w to `packed`.
  void (*pack)(const LensMatrix& w, const LensPanel& panel, float* packed);
  // logits[v, r] = bias[v] + sum_d packed[v, d] y[d, r]. `next` [D padded, lanes] is what will be read after this; it
  // is fetched into the second-level cache meanwhile.
  void (*multiply)(const LensPanel& panel, const float* y, const float* next, float* logits);
  // The same sums for one entry a lane: rows [D padded, lanes] holds W_U[t_r, d], out[r] starts as the bias.
  void (*target_logits)(std::int64_t padded_width, const float* rows, const float* y, float cap, float* out);
  // z -> cap tanh(z / cap).
  void (*cap)(std::int64_t size, float cap, float* logits);
  // Folds a panel into `sums`; logits become e^(z - m), 0 at the targets. last.sums is null for the last layer itself.
  void (*measure)(const LensPanel& panel, const LensFinal& last, LensSums& sums, float* logits);
  // weights *= 1 - (logits / cap)^2, the slope of the cap.
  void (*slope)(std::int64_t size, float cap, const float* logits, float* weights);
  // o[d, r] = o[d, r] rescale[r] + sum_v weights[v, r] packed[v, d].
  void (*accumulate)(const LensPanel& panel, const float* weights, const float* rescale, const float* next, float* o);
};

// What bf16 weights allow: rows as they are to 16 bits, or rounded to bf16 where that is faster.
enum class LensRounding { None, Rows };

// The best this processor runs for weights in fp32 or bf16, and plain code without vector instructions.
const LensTiles& best_lens_tiles(bool bfloat16, LensRounding rounding);
const LensTiles& generic_lens_tiles();

// Plain code that rounds as best_lens_tiles(true, rounding) does on processors with AVX512-BF16 and with AMX; bf16
// weights only.
const LensTiles& generic_pair_lens_tiles(LensRounding rounding);
const LensTiles& generic_block_lens_tiles(LensRounding rounding);

}  // namespace energy_lens
