// transformers 5 keeps what config.json says of rotary positions in one object, rope_parameters; version 4 keeps it in
// keys of their own, which are what the families read.
#pragma once
#include "energy_lens/io/file.h"

namespace energy_lens {

// The configuration, and its text_config where there is one, with rope_parameters spelled out as rope_theta,
// partial_rotary_factor, rope_scaling, LongRoPE's original_max_position_embeddings and, for Gemma 3, which keeps one
// object a kind of layer, rope_local_base_freq. json: an object with a model_type.
// Errors: BadInput (no base, older keys that say something else, a form that the family does not have).
Json with_older_rope_keys(Json json);

}  // namespace energy_lens
