// The model's own loss of each next token, from its logits in fp64, with which the lens's last layer must agree.
#pragma once
#include <ATen/ATen.h>

#include "energy_lens/model/model.h"

namespace energy_lens {

// [N] fp64 of logits [N, V]. Row by row, so that no bit depends on the other rows or the number of threads.
at::Tensor row_logsumexp(const at::Tensor& logits);

// [N] fp64 -log p(target) of logits [N, V], their log_normaliser [N] and targets [N] int64.
at::Tensor row_nll(const at::Tensor& logits, const at::Tensor& log_normaliser, const at::Tensor& targets);

struct TokenLoss {
  at::Tensor nll;              // [N] fp64
  double largest_logit = 0.0;  // max |z|
};

// last: [N, D] rows of the stream after the last block; targets: [N] int64. The logits of a few rows at a time stand in
// memory, never [N, V]. Errors: those of Model::forward_from.
TokenLoss token_loss(const Model& model, const at::Tensor& last, const at::Tensor& targets);

struct LastLayerCheck {
  double difference = 0.0;  // max |E^L - nll|
  double tolerance = 0.0;   // fp32 rounding: logits are sums of D fp32 products, and its size grows with theirs
  bool holds() const { return difference <= tolerance; }  // NaN does not
};

// energy: [N], the lens's of the same rows.
LastLayerCheck check_last_layer(const at::Tensor& energy, const TokenLoss& loss);

}  // namespace energy_lens
