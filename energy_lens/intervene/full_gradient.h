// Gradients of the model's own loss with respect to the stream entering layer l, through all later blocks (autograd).
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/model/model.h"

namespace energy_lens {

// `full_total`: [T, D] fp32, row i = d(sum_j NLL_j) / d resid_i, where NLL_j = -log p_j(labels[j]), j = 0..T'-1 with
// T' = labels.size() <= T. For the text's own loss labels are ids[1..T-1].
// stream: [T, D] resid_pre.layer; ids: the T tokens. Bits do not depend on the number of threads.
// Errors: BadInput (shapes, labels outside the vocabulary); those of Model::forward_from.
at::Tensor full_total_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                               const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels);

// `full_own`: row i = d NLL_i / d resid_i, the loss at i alone, through all later blocks. One backward pass a label.
at::Tensor full_own_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                             const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& labels);

// The text's own loss: labels ids[1..T-1]. Errors: also BadInput for fewer than two tokens.
at::Tensor full_total_gradient(const Model& model, std::int64_t layer, const at::Tensor& stream,
                               const std::vector<std::int64_t>& ids);

// One label a position, drawn from the model's own distribution there by inversion, position t from uniform number t of
// Philox(seed, "intervene/sampled-labels", document). last: [T, D] the stream after the last block.
std::vector<std::int64_t> sample_labels(const Model& model, const at::Tensor& last, std::uint64_t seed,
                                        std::uint64_t document);

}  // namespace energy_lens
