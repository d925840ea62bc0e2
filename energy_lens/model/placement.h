// Where a model's weights live: the CPU, one accelerator, or its layers spread over several.
#pragma once
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "energy_lens/model/weights.h"

namespace energy_lens {

// "cpu", "cuda" (every CUDA device there is), "cuda:1", "mps", or "auto": CUDA, else MPS, else the CPU.
// Errors: Usage (another name), NotFound (no such device here).
std::vector<at::Device> devices_named(const std::string& name);

// Block l moves to device floor(l n / L) of n, embeddings to the first. The final norm and unembedding stay on the CPU,
// where the lens runs. Activations follow the blocks.
void place(ModelWeights& weights, const std::vector<at::Device>& devices);

}  // namespace energy_lens
