// The logit lens of many rows at several layers in one pass over the unembedding, the logits never leaving the cache:
// attention's online softmax (Milakov & Gimelshein 1805.02867; Dao et al. 2205.14135) with keys and values both W_U.
// Raw pointers and no tensor library; fp32 in, sums over the vocabulary in fp64 panel by panel.
//   D width, V vocabulary. z = W_U y + b, then cap tanh(z / cap); y = norm(r) gamma + beta.
#pragma once
#include <cstdint>
#include <vector>

#include "energy_lens/kernels/torch_free/lens_arena.h"
#include "energy_lens/kernels/torch_free/lens_tiles.h"

namespace energy_lens {

struct LensHead {
  LensMatrix w;                  // [V, D]
  const float* bias = nullptr;   // [V] or null
  float cap = 0.0f;              // 0: none
  const float* gamma = nullptr;  // [D]
  const float* beta = nullptr;   // [D] or null
  bool centre = false;           // LayerNorm; else RMSNorm
  double eps = 0.0;
};

// One layer: its rows, and where what is measured goes (lens/energy.h says what each is). Row i is at stream +
// i * stride; outputs are [N], [N, top_k] or [N, D] without gaps. A null output is not computed.
struct LensLayer {
  const float* stream = nullptr;
  std::int64_t stride = 0;
  float *energy = nullptr, *cross_entropy = nullptr, *entropy = nullptr, *kl_to_final = nullptr, *margin = nullptr,
        *target_margin = nullptr, *confidence = nullptr, *free_energy = nullptr, *depth_descent = nullptr;
  std::int64_t *rank = nullptr, *top_ids = nullptr;
  float *top_log_probs = nullptr, *gradient = nullptr, *expected_gradient = nullptr;
};

struct LensJob {
  LensHead head;
  std::vector<LensLayer> layers;          // the last defines p^L
  const std::int64_t* targets = nullptr;  // [N], in 0..V-1
  std::int64_t rows = 0, top_k = 0;
};

// How many rows, and how many layers besides the last, one call of lens_chunk works on: as many as keep the panel's
// cost small and the arena below `bytes`, but at least one group of rows at one layer and the last.
struct LensChunk {
  std::int64_t rows = 0, layers = 0;
};
LensChunk lens_chunk(const LensJob& job, const LensTiles& tiles, std::int64_t bytes);

// Rows [begin, begin + chunk.rows) of every layer. Bits depend on neither the cut into chunks nor the thread. Streams
// must be finite. The arena grows on the first call and is reused by later ones.
void lens_rows_of_chunk(const LensJob& job, const LensChunk& chunk, std::int64_t begin, const LensTiles& tiles,
                        LensArena& arena);

}  // namespace energy_lens
