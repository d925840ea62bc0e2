// What a processor's registers allow: multiply-adds that read and write no memory. No product can be faster.
#pragma once
#include <cstdint>

namespace energy_lens::bench {

struct MultiplyAdds {
  std::int64_t sums;      // that do not wait for each other, one a lane of a vector
  std::int64_t products;  // that one step adds to a sum
  // Adds up one * one `steps` times in each sum; returns what the sum furthest from steps * products is off by, which
  // is 0 up to 2^24 where `one` is 1.
  double (*run)(std::int64_t steps, float one);
};

// In fp32, or of bf16 numbers by what best_bfloat16_unit() names.
const MultiplyAdds& best_multiply_adds(bool bfloat16);

}  // namespace energy_lens::bench
