// The inner loops of a forward pass on rows of fp32 numbers, for one instruction set. Every sum of a row is one chain
// of the same operations wherever the row stands, so that a row's bits depend neither on its neighbours, nor on how
// rows and columns are shared out to threads.
//   R rows, K terms of a sum, N columns, Dh width of a head.
#pragma once
#include <cstdint>

#include "energy_lens/kernels/torch_free/bfloat16_unit.h"

namespace energy_lens {

// A weight matrix [K, N], of any strides (in numbers).
struct WeightView {
  const void* values = nullptr;  // fp32, or bfloat16
  bool bfloat16 = false;
  std::int64_t terms = 0, columns = 0;  // K, N
  std::int64_t term_stride = 0, column_stride = 0;
};

enum class RowActivation { None, GeluTanh, GeluErf, Relu, Silu };

// Row i of a matrix starts at `values + i * stride`.
struct RowView {
  float* values = nullptr;
  std::int64_t stride = 0;
};
struct ConstRowView {
  const float* values = nullptr;
  std::int64_t stride = 0;
};

// How x enters a product with bf16 weights: as it is, or rounded to bf16 as well where the processor multiplies bf16
// numbers faster (bfloat16_unit.h). In attention of a model with bf16 weights OfWeights keeps 16 bits of queries, keys,
// values and pattern where the processor multiplies blocks of bf16 numbers, all elsewhere.
enum class RowPrecision { Full, OfWeights };

// y [R, N] = activation(x [R, K] w + bias). Sums run over K in panels of 192 terms, or in steps of 32, in fp32.
struct RowProduct {
  ConstRowView x;
  RowView y;
  std::int64_t rows = 0;
  WeightView w;
  const float* bias = nullptr;  // [N], or null
  RowActivation activation = RowActivation::None;
  RowPrecision precision = RowPrecision::OfWeights;
};

// y [R, W] = norm(x) gamma + beta: (x - mean) / sqrt(var + eps), or x / sqrt(mean(x^2) + eps) where not centred.
struct RowNorm {
  ConstRowView x;
  RowView y;  // may be x
  std::int64_t width = 0;
  const float* gamma = nullptr;  // [W], null: 1
  const float* beta = nullptr;   // [W], null: 0
  bool centred = true;
  float eps = 0.0f;
};

// One head of one sequence: causal attention with online softmax (Milakov & Gimelshein 1805.02867; Dao et al.
// 2205.14135) over blocks of 64 keys counted from position 0. Query i stands at position first_query + i, key j at j;
// keys reach to the last query. Scores are scale q.k, then cap tanh(score / cap).
struct HeadAttention {
  ConstRowView q, k, v;  // [queries, Dh], [keys, Dh]
  RowView z;             // [queries, Dh]
  std::int64_t queries = 0, first_query = 0;
  std::int64_t width = 0;  // Dh
  float scale = 1.0f;
  float cap = 0.0f;         // 0: none
  std::int64_t window = 0;  // keys a query sees, itself included; 0: all before it
  RowPrecision precision = RowPrecision::Full;
};

struct RowKernels {
  const char* name;
  std::int64_t panel;  // columns that one register tile covers
  Bfloat16Unit unit;   // of products with bf16 weights; with any RowPrecision::OfWeights rounds x

  // Columns [first, first + count) of panels. scratch: product_scratch() numbers, 64-byte aligned.
  void (*multiply)(const RowProduct& product, std::int64_t first_panel, std::int64_t panels, float* scratch);
  std::int64_t (*product_scratch)();

  void (*norm)(const RowNorm& norm, std::int64_t begin, std::int64_t end);

  // values [begin, end) of rows: gate [R, W] becomes activation(gate) * up.
  void (*gate)(RowActivation activation, RowView gate, ConstRowView up, std::int64_t width, std::int64_t begin,
               std::int64_t end);

  // scratch: attention_scratch(head) numbers, 64-byte aligned.
  void (*attend)(const HeadAttention& head, float* scratch);
  std::int64_t (*attention_scratch)(const HeadAttention& head);
};

// The best this processor runs, plain code without vector instructions, and plain code that rounds as the best does on
// processors with AVX512-BF16 and with AMX.
const RowKernels& best_row_kernels();
const RowKernels& generic_row_kernels();
const RowKernels& generic_pair_row_kernels();
const RowKernels& generic_block_row_kernels();

}  // namespace energy_lens
