// Tensors of normal numbers, the same in every run.
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "energy_lens/core/philox.h"

namespace energy_lens::testing {

inline at::Tensor gaussian(const char* name, std::vector<std::int64_t> shape) {
  at::Tensor x = at::empty(shape);
  Philox random(5, name);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data_ptr<float>()[i] = static_cast<float>(random.normal());
  return x;
}

inline at::Tensor unit(const at::Tensor& x) { return x / x.norm(2, -1, true); }

}  // namespace energy_lens::testing
