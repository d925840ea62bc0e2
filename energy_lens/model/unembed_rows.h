// Logits of rows of the last stream, whatever texts they come from.
#pragma once
#include "energy_lens/model/model.h"

namespace energy_lens {

// rows [N, D] of the stream after the last block, before the final norm, N up to the model's context -> [N, V].
at::Tensor logits_of_rows(const Model& model, const at::Tensor& rows);

}  // namespace energy_lens
