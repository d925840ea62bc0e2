// The architectures of GGUF files that are read, in terms of the families: one line each in gguf_architecture.cpp.
// Names and layouts are those that llama.cpp's converter gives the same model.
#pragma once
#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <vector>

#include "energy_lens/io/file.h"
#include "energy_lens/model/formats/gguf_config.h"

namespace energy_lens {

// Copies a stored tensor into place; config: what GgufArchitecture::config gave. Null: as it is.
using GgufPlace = void (*)(const at::Tensor& stored, const at::Tensor& out, const Json& config);

struct GgufTensorName {
  std::string_view stored, ours;  // without ".weight" and ".bias"
  GgufPlace place = nullptr;
  bool transposed = false;  // matrices are stored [out, in], ours are [in, out]
};

struct GgufArchitecture {
  std::string_view name;  // general.architecture
  Json (*config)(const GgufConfig& metadata);
  std::string_view block_prefix;  // "layers.": ours of "blk."
  std::vector<GgufTensorName> whole, block;
};

// Errors: BadInput naming the architectures there are.
const GgufArchitecture& gguf_architecture(const GgufFile& file);

// The configurations, in gguf_llama.cpp and gguf_gpt.cpp.
Json gguf_llama_config(const GgufConfig& metadata);
Json gguf_qwen2_config(const GgufConfig& metadata);
Json gguf_qwen3_config(const GgufConfig& metadata);
Json gguf_gemma_config(const GgufConfig& metadata);
Json gguf_gemma2_config(const GgufConfig& metadata);
Json gguf_gemma3_config(const GgufConfig& metadata);
Json gguf_phi3_config(const GgufConfig& metadata);
Json gguf_olmo2_config(const GgufConfig& metadata);
Json gguf_gpt2_config(const GgufConfig& metadata);
Json gguf_gptneox_config(const GgufConfig& metadata);

}  // namespace energy_lens
