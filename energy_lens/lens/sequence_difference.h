// Differences of a document's energies along its tokens, each [..., T] -> [..., T]; nothing crosses a document. They
// describe the series; they are not gradients of anything. Errors: BadInput (fewer than two tokens).
#pragma once
#include <ATen/ATen.h>

namespace energy_lens {

at::Tensor forward_difference(const at::Tensor& energy);   // E[t+1] - E[t]; NaN at the last token
at::Tensor backward_difference(const at::Tensor& energy);  // E[t] - E[t-1]; NaN at the first token
at::Tensor central_difference(const at::Tensor& energy);   // (E[t+1] - E[t-1]) / 2, one-sided at both ends

}  // namespace energy_lens
