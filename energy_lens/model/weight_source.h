// Where a family's loader takes its tensors from: the files of a checkpoint, or a random generator.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace energy_lens {

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // Writes tensor `name`, which must have exactly the shape of `out`, into it. out: any floating type, contiguous.
  // Errors: BadInput naming the tensor (missing, wrong shape, not floating, NaN, Inf).
  virtual void fill(const std::string& name, const at::Tensor& out) const = 0;
  // What fill() would refuse of a tensor of this shape without reading it. A source that makes its tensors has them
  // all.
  virtual void check(const std::string& name, at::IntArrayRef shape) const;
  // SHA-256 of what the tensors are made of.
  virtual std::string digest() const = 0;
  // Errors: BadInput naming tensors that no fill() asked for, leaving out names that contain one of `ignored`: weights
  // that a loader does not know of mean another architecture.
  virtual void check_all_used(const std::vector<std::string>& ignored) const = 0;

  // Memory for fill() to write into.
  virtual at::Tensor empty(const std::vector<std::int64_t>& shape, at::ScalarType dtype) const;
  at::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType dtype) const;
};

// Independent normal numbers, keyed by seed and tensor name: `scale` for matrices and biases, 1 + scale for the
// vectors that multiply. The control "what does an untrained model of this shape give", and loaders' tests.
std::unique_ptr<WeightSource> random_weights(std::uint64_t seed, double scale);

}  // namespace energy_lens
