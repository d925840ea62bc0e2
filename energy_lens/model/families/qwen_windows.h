// The sliding window of Qwen2 and Qwen3: layers from max_window_layers on, only where use_sliding_window is set.
#pragma once
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {

inline void set_qwen_windows(const ConfigReader& reader, ModelConfig& config) {
  const bool used = reader.flag_or("use_sliding_window", false);
  const std::int64_t window = used ? reader.integer_or("sliding_window", 1, 1 << 26, 4096) : 0;
  const std::int64_t first = reader.integer_or("max_window_layers", 0, 1 << 20, 28);
  set_windows(reader, config, window, [&](std::int64_t layer) { return layer >= first; });
}

}  // namespace energy_lens
