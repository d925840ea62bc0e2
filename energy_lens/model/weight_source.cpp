#include "energy_lens/model/weight_source.h"

#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kBlock = 1 << 16;

class RandomWeights : public WeightSource {
 public:
  RandomWeights(std::uint64_t seed, double scale) : seed_(seed), scale_(scale) {}

  void fill(const std::string& name, const at::Tensor& out) const override {
    const double centre = out.dim() == 1 && name.ends_with("weight") ? 1.0 : 0.0;
    const at::Tensor flat = out.view({-1});
    const std::int64_t count = flat.numel();
    parallel_blocks((count + kBlock - 1) / kBlock, [&](std::int64_t block) {
      Philox random(seed_, "random_weights/" + name, static_cast<std::uint64_t>(block));
      const at::Tensor part = flat.narrow(0, block * kBlock, std::min(kBlock, count - block * kBlock));
      const at::Tensor drawn = at::empty(part.sizes(), at::kFloat);
      float* const numbers = drawn.data_ptr<float>();
      for (std::int64_t i = 0; i < part.numel(); ++i) {
        numbers[i] = static_cast<float>(centre + scale_ * random.normal());
      }
      part.copy_(drawn);
    });
  }
  std::string digest() const override { return "random weights, seed " + std::to_string(seed_); }
  void check_all_used(const std::vector<std::string>&) const override {}

 private:
  std::uint64_t seed_;
  double scale_;
};

}  // namespace

void WeightSource::check(const std::string&, at::IntArrayRef) const {}

at::Tensor WeightSource::empty(const std::vector<std::int64_t>& shape, at::ScalarType dtype) const {
  return at::empty(shape, dtype);
}

at::Tensor WeightSource::take(const std::string& name, const std::vector<std::int64_t>& shape,
                              at::ScalarType dtype) const {
  at::Tensor tensor = empty(shape, dtype);
  fill(name, tensor);
  return tensor;
}

std::unique_ptr<WeightSource> random_weights(std::uint64_t seed, double scale) {
  return std::make_unique<RandomWeights>(seed, scale);
}

}  // namespace energy_lens
