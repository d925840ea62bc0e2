// One file of weights, whatever its format, under Hugging Face's names and in its orientation of matrices.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace energy_lens {

struct StoredTensor {
  at::ScalarType dtype;
  std::vector<std::int64_t> shape;
};

class CheckpointFile {
 public:
  virtual ~CheckpointFile() = default;
  virtual const std::map<std::string, StoredTensor>& tensors() const = 0;
  // Writes tensor `name`, converted, into `out`: contiguous, same shape, floating, on the CPU. Errors: BadInput.
  virtual void read(const std::string& name, const at::Tensor& out) const = 0;
};

}  // namespace energy_lens
