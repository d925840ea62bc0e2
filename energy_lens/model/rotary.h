// Rotary positions (Su et al. 2104.09864) in the half-split form: coordinates i and i + w/2 of a head turn together.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace energy_lens {

struct RotaryConfig {
  std::vector<float> inverse_frequencies;  // w/2 radians a position; w coordinates of each head turn, the rest stay
  double attention_factor = 1.0;           // cosines and sines are multiplied by it (YaRN, LongRoPE)
};

struct RotaryTable {
  at::Tensor cos, sin;  // [T, w/2] fp32, row t for position first + t
};

// Made in blocks of 64 positions counted from 0, so that a position's bits do not depend on T or threads.
RotaryTable rotary_table(const RotaryConfig& config, std::int64_t first, std::int64_t tokens);

// x [B, T, H, Dh], table of T rows -> the same shape.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table);

// The same of one token's heads [H, Dh], by row `token` of the table, where they stand.
void rotate_in_place(float* heads, std::int64_t count, std::int64_t width, const RotaryTable& table,
                     std::int64_t token);

}  // namespace energy_lens
