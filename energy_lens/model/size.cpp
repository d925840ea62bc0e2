#include "energy_lens/model/size.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/model/experts.h"
#include "energy_lens/model/families/registry.h"
#include "energy_lens/model/unembed_rows.h"

namespace energy_lens {
namespace {

// Gives every tensor its shape and no memory; checks it with the weights, where there are any.
class ShapesOnly : public WeightSource {
 public:
  explicit ShapesOnly(const WeightSource* weights) : weights_(weights) {}
  void fill(const std::string& name, const at::Tensor& out) const override {
    if (weights_ != nullptr) weights_->check(name, out.sizes());
  }
  std::string digest() const override { return ""; }
  void check_all_used(const std::vector<std::string>&) const override {}
  at::Tensor empty(const std::vector<std::int64_t>& shape, at::ScalarType dtype) const override {
    return at::empty(shape, at::TensorOptions().dtype(dtype).device(at::kMeta));
  }

 private:
  const WeightSource* weights_;
};

std::int64_t working_bytes(const ModelConfig& config, std::int64_t tokens, std::int64_t threads) {
  constexpr std::int64_t kFloat = 4, kDouble = 8, kRows = 64, kMlpRows = 1024;
  // Every layer's stream, and those that a block reads, writes and hands on.
  const std::int64_t streams = (config.n_layers + 1 + 6) * config.d_model;
  const std::int64_t heads = (2 * config.n_heads + 2 * config.n_kv_heads) * config.d_head;
  const std::int64_t inside = std::min(tokens, kMlpRows) * (config.gated_mlp ? 2 : 1) * config.d_mlp;
  // The activations of a block of rows in a layer with experts, made and taken apart.
  const std::int64_t mixture = threads * kRows * 2 * experts_width(config.experts);
  // Logits stand for a block of rows; a thread takes one of them at a time in fp64, beside what it is exponentiated to.
  const std::int64_t logits = kLogitRows * config.d_vocab * kFloat + threads * 3 * config.d_vocab * kDouble;
  return kFloat * (tokens * (streams + heads) + inside + mixture) + logits;
}

ModelWeights shapes_of(const ModelConfig& config, at::ScalarType dtype, const WeightSource* weights) {
  try {
    return family_named(config.family).load(ShapesOnly(weights), config, dtype);
  } catch (const c10::Error&) {
    fail(ErrorKind::BadInput, "load_model", "config.json asks for a tensor larger than any memory");
  }
}

}  // namespace

void check_shapes(const ModelConfig& config, const WeightSource& source) { shapes_of(config, at::kFloat, &source); }

ModelSize model_size(const ModelConfig& config, at::ScalarType dtype, std::int64_t tokens, std::int64_t threads) {
  ModelSize size;
  visit_tensors(shapes_of(config, dtype, nullptr), [&](const at::Tensor& tensor) {
    size.parameters += tensor.numel();
    size.weight_bytes += static_cast<std::int64_t>(tensor.nbytes());
  });
  size.working_bytes = working_bytes(config, tokens, threads);
  return size;
}

}  // namespace energy_lens
