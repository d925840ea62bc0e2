// The attention pattern, shared by every family and by both ways of running.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

namespace energy_lens {

struct AttentionRule {
  double scale = 1.0;       // of queries times keys
  double soft_cap = 0.0;    // c tanh(x / c) of the scaled scores; 0: none
  std::int64_t window = 0;  // keys a query sees, itself included; 0: all before it
};

// Softmax of the scores under the causal mask. q [..., H, Tq, Dh], k [..., Hkv, Tk, Dh] -> [..., H, Tq, Tk]; heads
// share keys in groups of H / Hkv. Query i stands at position first_query + i, key j at j.
at::Tensor attention_pattern(const at::Tensor& q, const at::Tensor& k, std::int64_t first_query,
                             const AttentionRule& rule);

// Keys or values [..., Hkv, T, Dh], each head repeated for the queries that share it -> [..., H, T, Dh].
at::Tensor shared_heads(const at::Tensor& x, std::int64_t heads);

}  // namespace energy_lens
