// A model that remembers for how many rows at once it was asked for logits.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "energy_lens/model/model.h"

namespace energy_lens::testing {

class CountedLogits : public Model {
 public:
  explicit CountedLogits(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  const ModelConfig& config() const override { return model_->config(); }
  const Unembed& unembed() const override { return model_->unembed(); }
  at::ScalarType dtype() const override { return model_->dtype(); }
  std::string digest() const override { return model_->digest(); }
  std::int64_t parameters() const override { return model_->parameters(); }
  ForwardResult forward(const TokenBatch& batch, const ForwardOptions& options) const override {
    return counted(model_->forward(batch, options));
  }
  ForwardResult forward_from(std::int64_t layer, const at::Tensor& resid, const TokenBatch& batch,
                             const ForwardOptions& options) const override {
    return counted(model_->forward_from(layer, resid, batch, options));
  }
  std::int64_t most_rows() const { return most_rows_; }

 private:
  ForwardResult counted(ForwardResult result) const {
    if (result.logits.defined()) most_rows_ = std::max(most_rows_, result.logits.size(0) * result.logits.size(1));
    return result;
  }
  std::shared_ptr<const Model> model_;
  mutable std::int64_t most_rows_ = 0;
};

}  // namespace energy_lens::testing
