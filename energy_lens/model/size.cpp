#include "energy_lens/model/size.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/model/experts.h"
#include "energy_lens/model/families/registry.h"

namespace energy_lens {
namespace {

// Gives every tensor its shape and no memory.
class ShapesOnly : public WeightSource {
 public:
  void fill(const std::string&, const at::Tensor&) const override {}
  std::string digest() const override { return ""; }
  void check_all_used(const std::vector<std::string>&) const override {}
  at::Tensor empty(const std::vector<std::int64_t>& shape, at::ScalarType dtype) const override {
    return at::empty(shape, at::TensorOptions().dtype(dtype).device(at::kMeta));
  }
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
  const std::int64_t logits = kRows * config.d_vocab * kFloat + threads * 3 * config.d_vocab * kDouble;
  return kFloat * (tokens * (streams + heads) + inside + mixture) + logits;
}

}  // namespace

ModelSize model_size(const ModelConfig& config, at::ScalarType dtype, std::int64_t tokens, std::int64_t threads) {
  ModelSize size;
  try {
    const ModelWeights weights = family_named(config.family).load(ShapesOnly(), config, dtype);
    visit_tensors(weights, [&](const at::Tensor& tensor) {
      size.parameters += tensor.numel();
      size.weight_bytes += static_cast<std::int64_t>(tensor.nbytes());
    });
  } catch (const c10::Error&) {
    fail(ErrorKind::BadInput, "load_model", "config.json asks for a tensor larger than any memory");
  }
  size.working_bytes = working_bytes(config, tokens, threads);
  return size;
}

}  // namespace energy_lens
