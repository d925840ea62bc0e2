// The sliding window of Qwen2 and Qwen3, only where use_sliding_window is set: in the layers from max_window_layers on,
// or, in Qwen3-MoE, in all of them.
#pragma once
#include "energy_lens/model/families/llama_blocks.h"

namespace energy_lens {

inline std::int64_t read_qwen_window(const ConfigReader& reader) {
  return reader.flag_or("use_sliding_window", false) ? read_window(reader, 4096) : 0;
}

inline void set_qwen_windows(const ConfigReader& reader, ModelConfig& config) {
  const std::int64_t window = read_qwen_window(reader);
  const std::int64_t first = reader.integer_or("max_window_layers", 0, 1 << 20, 28);
  set_windows(reader, config, window, [&](std::int64_t layer) { return window > 0 && layer >= first; });
}

}  // namespace energy_lens
