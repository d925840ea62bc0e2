// How a matrix lies in a file, where that is not Hugging Face's way: copies the stored tensor into place.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>

namespace energy_lens {

// Rotary pairs of a head side by side (2 i, 2 i + 1), as Meta's Llama and llama.cpp keep them; Hugging Face's are half
// a head apart (i, i + Dh / 2). stored, out: [heads Dh, ...], contiguous.
inline void copy_interleaved_heads(const at::Tensor& stored, const at::Tensor& out, std::int64_t heads) {
  const std::int64_t half = out.size(0) / heads / 2;
  out.view({heads, 2, half, -1}).copy_(stored.view({heads, half, 2, -1}).transpose(1, 2));
}

}  // namespace energy_lens
