// How large a model is, from its configuration alone, and whether its weights are as large.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

#include "energy_lens/model/config.h"
#include "energy_lens/model/weight_source.h"

namespace energy_lens {

struct ModelSize {
  std::int64_t parameters = 0;     // shared ones once
  std::int64_t weight_bytes = 0;   // in `dtype`, norms in fp32
  std::int64_t working_bytes = 0;  // estimate beside the weights: one sequence of `tokens` with every layer's stream
                                   // kept, and the logits of a few rows at a time, on `threads` threads
};

// Errors: BadInput (unknown family, sizes whose product overflows).
ModelSize model_size(const ModelConfig& config, at::ScalarType dtype, std::int64_t tokens, std::int64_t threads);

// Compares every tensor's shape and reads none. Errors: BadInput naming a tensor that `source` lacks or has in another
// shape.
void check_shapes(const ModelConfig& config, const WeightSource& source);

}  // namespace energy_lens
