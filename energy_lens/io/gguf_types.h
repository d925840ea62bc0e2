// The element types of GGUF tensors: those that are read, and the names of the others.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace energy_lens {

struct GgufType {
  std::uint32_t id;
  const char* name;
  at::ScalarType dtype;      // of the numbers that reading gives
  std::int64_t block;        // elements a block
  std::int64_t block_bytes;  // 0: not read
};

// Types of one element a block are stored as plain numbers. nullptr: no such type.
const GgufType* gguf_type(std::uint32_t id);

// Q8_0: blocks of 32 numbers, each a half-precision scale and 32 signed bytes; number = scale * byte.
constexpr std::int64_t kQ8Block = 32, kQ8BlockBytes = 34;
void dequantise_q8_0(const std::uint8_t* blocks, std::int64_t count, float* out);

}  // namespace energy_lens
