// Where a model's weights live: the CPU, one accelerator, or its layers spread over several.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "energy_lens/model/weights.h"

namespace energy_lens {

// "cpu", "cuda" (every CUDA device there is), "cuda:1", "mps", or "auto": CUDA, else MPS, else the CPU.
// Errors: Usage (another name), NotFound (no such device here).
std::vector<at::Device> devices_named(const std::string& name);

// The device of every block, in order: of all ways to cut the blocks into one run a device, the one whose fullest
// device, relative to its memory, is least full. A tenth of each memory is left for activations, and the first device
// also holds `embedding_bytes`. Errors: Resource (they do not fit).
std::vector<std::size_t> plan_blocks(const std::vector<std::int64_t>& block_bytes, std::int64_t embedding_bytes,
                                     const std::vector<std::int64_t>& device_bytes);

// Moves embeddings to the first device and the blocks as plan_blocks says for the memory that is free; one device takes
// all. The final norm and unembedding stay on the CPU, where the lens runs. Activations follow the blocks.
void place(ModelWeights& weights, const std::vector<at::Device>& devices);
// The same for given memories, device_bytes[i] of devices[i].
void place(ModelWeights& weights, const std::vector<at::Device>& devices,
           const std::vector<std::int64_t>& device_bytes);

}  // namespace energy_lens
