// The residual stream at chosen layers. "Layer l" is resid_pre.l, the stream entering block l; layer L is the stream
// after the last block, before the final norm (never Hugging Face's last hidden state, which is after it).
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "energy_lens/lens/energy.h"
#include "energy_lens/model/model.h"

namespace energy_lens {

struct Streams {
  std::vector<at::Tensor> resid;  // one [B, T, D] fp32 a layer asked for, in the order asked
};

// One forward pass. Errors: Usage (a layer outside 0..L), those of Model::forward.
Streams capture_streams(const Model& model, const TokenBatch& batch, const std::vector<std::int64_t>& layers);

// The lens at the T - 1 positions of one text's stream [T, D] that have a next token. What compares with the last layer
// takes this stream for it. Errors: those of lens_rows.
LensRows lens_of_stream(const Model& model, const at::Tensor& stream, const std::vector<std::int64_t>& ids,
                        const LensOptions& options = {});

// 0..L.
std::vector<std::int64_t> every_layer(const Model& model);

}  // namespace energy_lens
