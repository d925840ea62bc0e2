// A model's greedy next token as the map of decoding.h. The model is re-run on each window from position 0: with a KV
// cache the state would be the whole history, and nothing would have to repeat.
#pragma once
#include <cstdint>
#include <optional>

#include "energy_lens/attractor/decoding.h"
#include "energy_lens/model/model.h"

namespace energy_lens {

// The argmax after each window, lowest id on ties. bos is put before every window and is not part of the state. The
// model must outlive the returned function. Errors: those of Model::forward.
NextTokens greedy_next(const Model& model, std::optional<std::int64_t> bos = std::nullopt);

}  // namespace energy_lens
