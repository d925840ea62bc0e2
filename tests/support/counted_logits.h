// A model that remembers for how many rows at once it was asked for logits. Threads may share it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <mutex>

#include "tests/support/passed_on_model.h"

namespace energy_lens::testing {

class CountedLogits : public PassedOnModel {
 public:
  using PassedOnModel::PassedOnModel;
  ForwardResult forward(const TokenBatch& batch, const ForwardOptions& options) const override {
    return counted(PassedOnModel::forward(batch, options));
  }
  ForwardResult forward_from(std::int64_t layer, const at::Tensor& resid, const TokenBatch& batch,
                             const ForwardOptions& options) const override {
    return counted(PassedOnModel::forward_from(layer, resid, batch, options));
  }
  std::int64_t most_rows() const {
    const std::scoped_lock lock(mutex_);
    return most_rows_;
  }

 private:
  ForwardResult counted(ForwardResult result) const {
    if (!result.logits.defined()) return result;
    const std::scoped_lock lock(mutex_);
    most_rows_ = std::max(most_rows_, result.logits.size(0) * result.logits.size(1));
    return result;
  }

  mutable std::mutex mutex_;
  mutable std::int64_t most_rows_ = 0;
};

}  // namespace energy_lens::testing
