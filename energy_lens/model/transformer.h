// The one implementation of Model: any family's weights behind one forward pass.
#pragma once
#include <string>

#include "energy_lens/model/model.h"
#include "energy_lens/model/weights.h"

namespace energy_lens {

class Transformer : public Model {
 public:
  Transformer(ModelConfig config, ModelWeights weights, at::ScalarType dtype, std::string digest);

  const ModelConfig& config() const override { return config_; }
  const Unembed& unembed() const override { return weights_.unembed; }
  at::ScalarType dtype() const override { return dtype_; }
  std::string digest() const override { return digest_; }
  std::int64_t parameters() const override;
  ForwardResult forward(const TokenBatch& batch, const ForwardOptions& options) const override;
  ForwardResult forward_from(std::int64_t first_layer, const at::Tensor& resid, const TokenBatch& batch,
                             const ForwardOptions& options) const override;

 private:
  void check_batch(const TokenBatch& batch, const ForwardOptions& options) const;
  ForwardResult run_from(std::int64_t first_layer, const at::Tensor& entering, const TokenBatch& batch,
                         const ForwardOptions& options) const;
  ModelConfig config_;
  ModelWeights weights_;
  at::ScalarType dtype_;
  std::string digest_;
};

}  // namespace energy_lens
