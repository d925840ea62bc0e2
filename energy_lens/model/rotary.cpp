#include "energy_lens/model/rotary.h"

#include <ATen/core/grad_mode.h>

#include "energy_lens/core/parallel.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kBlock = 64;

}  // namespace

RotaryTable rotary_table(const RotaryConfig& config, std::int64_t first, std::int64_t tokens) {
  const auto half = static_cast<std::int64_t>(config.inverse_frequencies.size());
  const at::Tensor frequencies = at::tensor(config.inverse_frequencies, at::kFloat);
  const std::int64_t begin = first / kBlock, end = (first + tokens + kBlock - 1) / kBlock;
  const at::Tensor cos = at::empty({(end - begin) * kBlock, half}), sin = at::empty_like(cos);
  parallel_blocks(end - begin, [&](std::int64_t block) {
    const at::NoGradGuard no_grad;
    const std::int64_t position = (begin + block) * kBlock;
    const at::Tensor positions = at::arange(position, position + kBlock, at::kFloat);
    const at::Tensor angles = positions.unsqueeze(1) * frequencies;
    cos.narrow(0, block * kBlock, kBlock).copy_(at::cos(angles) * config.attention_factor);
    sin.narrow(0, block * kBlock, kBlock).copy_(at::sin(angles) * config.attention_factor);
  });
  const std::int64_t skipped = first - begin * kBlock;
  return {cos.narrow(0, skipped, tokens), sin.narrow(0, skipped, tokens)};
}

at::Tensor rotate(const at::Tensor& x, const RotaryTable& table) {
  const std::int64_t half = table.cos.size(1), width = x.size(-1);
  const at::Tensor low = x.narrow(-1, 0, half), high = x.narrow(-1, half, half);
  const auto beside_heads = [&](const at::Tensor& t) { return t.to(x.device()).unsqueeze(1); };  // [T, 1, w/2]
  const at::Tensor cos = beside_heads(table.cos), sin = beside_heads(table.sin);
  const at::Tensor turned = at::cat({low * cos - high * sin, high * cos + low * sin}, -1);
  return 2 * half == width ? turned : at::cat({turned, x.narrow(-1, 2 * half, width - 2 * half)}, -1);
}

void rotate_in_place(float* heads, std::int64_t count, std::int64_t width, const RotaryTable& table,
                     std::int64_t token) {
  const std::int64_t half = table.cos.size(1);
  const float* const cos = table.cos.const_data_ptr<float>() + token * half;
  const float* const sin = table.sin.const_data_ptr<float>() + token * half;
  for (std::int64_t h = 0; h < count; ++h) {
    float* const low = heads + h * width;
    float* const high = low + half;
    for (std::int64_t i = 0; i < half; ++i) {
      const float x = low[i], y = high[i];
      low[i] = x * cos[i] - y * sin[i];
      high[i] = y * cos[i] + x * sin[i];
    }
  }
}

}  // namespace energy_lens
