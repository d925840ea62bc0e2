#include "energy_lens/io/gguf_types.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace energy_lens {
namespace {

constexpr GgufType unread(std::uint32_t id, const char* name) { return {id, name, at::kFloat, 1, 0}; }

constexpr auto kTypes = std::to_array<GgufType>({
    {0, "F32", at::kFloat, 1, 4},
    {1, "F16", at::kHalf, 1, 2},
    {8, "Q8_0", at::kFloat, kQ8Block, kQ8BlockBytes},
    {30, "BF16", at::kBFloat16, 1, 2},
    unread(2, "Q4_0"),
    unread(3, "Q4_1"),
    unread(6, "Q5_0"),
    unread(7, "Q5_1"),
    unread(9, "Q8_1"),
    unread(10, "Q2_K"),
    unread(11, "Q3_K"),
    unread(12, "Q4_K"),
    unread(13, "Q5_K"),
    unread(14, "Q6_K"),
    unread(15, "Q8_K"),
    unread(16, "IQ2_XXS"),
    unread(17, "IQ2_XS"),
    unread(18, "IQ3_XXS"),
    unread(19, "IQ1_S"),
    unread(20, "IQ4_NL"),
    unread(21, "IQ3_S"),
    unread(22, "IQ2_S"),
    unread(23, "IQ4_XS"),
    unread(24, "I8"),
    unread(25, "I16"),
    unread(26, "I32"),
    unread(27, "I64"),
    unread(28, "F64"),
    unread(29, "IQ1_M"),
    unread(34, "TQ1_0"),
    unread(35, "TQ2_0"),
    unread(39, "MXFP4"),
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
