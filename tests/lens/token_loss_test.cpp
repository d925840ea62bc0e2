#include "energy_lens/lens/token_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "energy_lens/lens/self_check.h"
#include "energy_lens/lens/text_lens.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

// A model that remembers for how many rows at once it was asked for logits.
class CountedLogits : public Model {
 public:
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
  std::shared_ptr<const Model> model_ = testing::tiny_model({.context = 400});
  mutable std::int64_t most_rows_ = 0;
};

TEST(TokenLoss, IsThatOfAllLogitsAtOnceBitForBit) {
  const CountedLogits model;
  for (const std::int64_t tokens : {2, 65, 66, 130, 300}) {
    const auto ids = testing::random_ids(tokens, 50);
    const ForwardResult whole = model.forward(pad_right({ids}), {});
    const at::Tensor logits = whole.logits[0].narrow(0, 0, tokens - 1).to(at::kDouble);
    const at::Tensor targets = at::tensor(ids).narrow(0, 1, tokens - 1);
    const TokenLoss loss = token_loss(model, whole.resid[0].narrow(0, 0, tokens - 1), targets);
    EXPECT_TRUE(at::equal(loss.nll, row_nll(logits, row_logsumexp(logits), targets)));
    const at::Tensor reference = -at::log_softmax(logits, -1).gather(1, targets.unsqueeze(1)).squeeze(1);
    EXPECT_LT((loss.nll - reference).abs().max().item<double>(), 1e-12);
    EXPECT_EQ(loss.largest_logit, logits.abs().max().item<double>());
  }
}

TEST(TokenLoss, NoTextHasAllItsLogitsInMemory) {
  const CountedLogits model;
  const auto ids = testing::random_ids(300, 50);
  lens_of_text(model, ids, {0, 1});
  check_identities(model, ids);
  EXPECT_GT(model.most_rows(), 0);
  EXPECT_LE(model.most_rows(), 64);
}

TEST(TokenLoss, NoDifferenceAndNotANumberHoldAsTheyShould) {
  const TokenLoss loss{at::ones({3}, at::kDouble), 2.0};
  EXPECT_TRUE(check_last_layer(at::ones({3}), loss).holds());
  EXPECT_FALSE(check_last_layer(at::full({3}, 1.01), loss).holds());
  EXPECT_FALSE(check_last_layer(at::full({3}, std::numeric_limits<double>::quiet_NaN()), loss).holds());
}

}  // namespace
}  // namespace energy_lens
