// A model that passes every call on to another, for tests that change one of them.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include "energy_lens/model/model.h"

namespace energy_lens::testing {

class PassedOnModel : public Model {
 public:
  explicit PassedOnModel(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  const ModelConfig& config() const override { return model_->config(); }
  const Unembed& unembed() const override { return model_->unembed(); }
  at::ScalarType dtype() const override { return model_->dtype(); }
  std::string digest() const override { return model_->digest(); }
  std::int64_t parameters() const override { return model_->parameters(); }
  ForwardResult forward(const TokenBatch& batch, const ForwardOptions& options) const override {
    return model_->forward(batch, options);
  }
  ForwardResult forward_from(std::int64_t layer, const at::Tensor& resid, const TokenBatch& batch,
                             const ForwardOptions& options) const override {
    return model_->forward_from(layer, resid, batch, options);
  }

 private:
  std::shared_ptr<const Model> model_;
};

}  // namespace energy_lens::testing
