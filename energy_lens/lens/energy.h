// The logit lens: what every layer of the residual stream already says about the next token (nostalgebraist 2020;
// Belrose et al. 2303.08112). z^l = W_U norm(r^l) + b_U, with the final norm recomputed at every layer.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/model/model.h"

namespace energy_lens {

// Everything measured for N rows (positions with a target) at one layer; all [N] fp32, nats unless said.
struct LensRows {
  at::Tensor energy;             // E = -log p^l[target]
  at::Tensor cross_entropy;      // Ebar = -sum_v p^L[v] log p^l[v]
  at::Tensor entropy;            // H
  at::Tensor kl_to_final;        // KL(p^L || p^l) = Ebar - H(p^L), computed without cancellation, >= 0
  at::Tensor margin;             // largest minus second largest logit
  at::Tensor target_margin;      // target logit minus the largest other logit
  at::Tensor rank;               // int64: tokens with a larger logit than the target (ties by lower id)
  at::Tensor confidence;         // max p
  at::Tensor free_energy;        // gauge-fixed F0 = -(logsumexp(z) - mean(z))
  at::Tensor depth_descent;      // E^l - E^L
  at::Tensor top_ids;            // [N, k] int64
  at::Tensor top_log_probs;      // [N, k]
  at::Tensor gradient;           // [N, D] dE/dr^l, when asked, else undefined
  at::Tensor expected_gradient;  // [N, D] grad KL(p^L || p^l), p^L held fixed, when asked, else undefined
};

// Which code measures. Best: the fused kernel with this processor's vector instructions, for fp32 streams on the CPU;
// everything else takes the reference. Rounded: the same with rows rounded to bf16 (2^-8 of each number) where W_U is
// bf16 and the processor multiplies bf16 numbers faster (bfloat16_unit.h). Generic: the fused kernel in plain code.
// Reference: chunked tensor operators.
enum class LensKernel { Best, Rounded, Generic, Reference };

struct LensOptions {
  std::int64_t top_k = 0;  // 0 to V
  bool gradient = false;
  bool expected_gradient = false;
  LensKernel kernel = LensKernel::Best;
  // false: z = W_U r, without the final norm and b_U, the lens of a public prototype. It is wrong, there to check that
  // prototype's numbers; it runs in the reference, without gradients.
  bool final_norm = true;
};

// streams: one [N, D] fp32 tensor a layer; the last is resid_pre.L (the stream after the last block, before the final
// norm) and defines p^L. targets: [N] int64. Returns one LensRows a stream, in order. A row's bits depend on neither
// the other rows nor the number of threads. Memory besides what is returned: at most kLensBytes with the fused kernel,
// whatever N, V and the number of layers.
// Errors: BadInput (shapes, target outside the vocabulary, top_k, NaN or Inf in a stream, naming layer and row), Usage
// (gradients without the final norm).
inline constexpr std::int64_t kLensBytes = std::int64_t{48} << 20;
std::vector<LensRows> lens_rows(const std::vector<at::Tensor>& streams, const at::Tensor& targets,
                                const Unembed& unembed, const LensOptions& options = {});

}  // namespace energy_lens
