#include "energy_lens/io/gguf_types.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace energy_lens {
namespace {

constexpr auto kTypes = std::to_array<GgufType>({
    {0, "F32", at::kFloat, 1, 4},   {1, "F16", at::kHalf, 1, 2},     {2, "Q4_0", at::kFloat, 32, 0},
    {3, "Q4_1", at::kFloat, 32, 0}, {6, "Q5_0", at::kFloat, 32, 0},  {7, "Q5_1", at::kFloat, 32, 0},
    {8, "Q8_0", at::kFloat, kQ8Block, kQ8BlockBytes},                {9, "Q8_1", at::kFloat, 32, 0},
    {10, "Q2_K", at::kFloat, 256, 0},   {11, "Q3_K", at::kFloat, 256, 0},  {12, "Q4_K", at::kFloat, 256, 0},
    {13, "Q5_K", at::kFloat, 256, 0},   {14, "Q6_K", at::kFloat, 256, 0},  {15, "Q8_K", at::kFloat, 256, 0},
    {16, "IQ2_XXS", at::kFloat, 256, 0}, {17, "IQ2_XS", at::kFloat, 256, 0}, {18, "IQ3_XXS", at::kFloat, 256, 0},
    {19, "IQ1_S", at::kFloat, 256, 0},  {20, "IQ4_NL", at::kFloat, 32, 0}, {21, "IQ3_S", at::kFloat, 256, 0},
    {22, "IQ2_S", at::kFloat, 256, 0},  {23, "IQ4_XS", at::kFloat, 256, 0}, {24, "I8", at::kChar, 1, 0},
    {25, "I16", at::kShort, 1, 0},  {26, "I32", at::kInt, 1, 0},     {27, "I64", at::kLong, 1, 0},
    {28, "F64", at::kDouble, 1, 0}, {29, "IQ1_M", at::kFloat, 256, 0}, {30, "BF16", at::kBFloat16, 1, 2},
    {34, "TQ1_0", at::kFloat, 256, 0}, {35, "TQ2_0", at::kFloat, 256, 0}, {39, "MXFP4", at::kFloat, 32, 0},
});

}  // namespace

const GgufType* gguf_type(std::uint32_t id) {
  const auto found = std::ranges::find(kTypes, id, &GgufType::id);
  return found == kTypes.end() ? nullptr : &*found;
}

void dequantise_q8_0(const std::uint8_t* blocks, std::int64_t count, float* out) {
  for (std::int64_t b = 0; b < count; ++b, blocks += kQ8BlockBytes, out += kQ8Block) {
    at::Half half;
    std::memcpy(&half, blocks, sizeof half);
    const float scale = static_cast<float>(half);
    const auto* bytes = reinterpret_cast<const std::int8_t*>(blocks + sizeof half);
    for (std::int64_t i = 0; i < kQ8Block; ++i) out[i] = scale * static_cast<float>(bytes[i]);
  }
}

}  // namespace energy_lens
