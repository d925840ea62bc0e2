#include "energy_lens/lens/token_loss.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "energy_lens/core/parallel.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {
namespace {

constexpr double kRelativeTolerance = 1e-5, kAbsoluteTolerance = 1e-4;

}  // namespace

at::Tensor row_logsumexp(const at::Tensor& logits) {
  at::Tensor result = at::empty({logits.size(0)}, at::kDouble);
  double* const out = result.data_ptr<double>();
  parallel_blocks(logits.size(0), [&](std::int64_t t) {
    const at::NoGradGuard no_grad;
    out[t] = logits[t].to(at::kDouble).logsumexp(0).item<double>();
  });
  return result;
}

at::Tensor row_nll(const at::Tensor& logits, const at::Tensor& log_normaliser, const at::Tensor& targets) {
  return log_normaliser - logits.gather(1, targets.unsqueeze(1)).squeeze(1).to(at::kDouble);
}

TokenLoss token_loss(const Model& model, const at::Tensor& last, const at::Tensor& targets) {
  TokenLoss loss{at::empty({last.size(0)}, at::kDouble)};
  for_logits_of_rows(model, last, [&](std::int64_t begin, const at::Tensor& logits) {
    const std::int64_t count = logits.size(0);
    loss.nll.narrow(0, begin, count).copy_(row_nll(logits, row_logsumexp(logits), targets.narrow(0, begin, count)));
    const auto [smallest, largest] = logits.aminmax();
    loss.largest_logit = std::max({loss.largest_logit, -smallest.item<double>(), largest.item<double>()});
  });
  return loss;
}

LastLayerCheck check_last_layer(const at::Tensor& energy, const TokenLoss& loss) {
  return {(energy.to(at::kDouble) - loss.nll).abs().max().item<double>(),
          kAbsoluteTolerance + kRelativeTolerance * loss.largest_logit};
}

}  // namespace energy_lens
