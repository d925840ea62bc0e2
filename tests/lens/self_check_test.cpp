#include "energy_lens/lens/self_check.h"

#include <gtest/gtest.h>

#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

TEST(SelfCheck, HoldsForASoundModel) {
  const auto model = testing::tiny_model();
  for (const IdentityCheck& check : check_identities(*model, testing::random_ids(70, 50))) {
    EXPECT_TRUE(check.holds()) << check.identity << " " << check.difference << " > " << check.tolerance;
    EXPECT_GT(check.tolerance, 0.0);
  }
}

// A model whose logits are not those of its stream: the check must see it.
class WrongLogits : public Model {
 public:
  const ModelConfig& config() const override { return sound_->config(); }
  const Unembed& unembed() const override { return sound_->unembed(); }
  at::ScalarType dtype() const override { return sound_->dtype(); }
  std::string digest() const override { return sound_->digest(); }
  std::int64_t parameters() const override { return sound_->parameters(); }
  ForwardResult forward(const TokenBatch& batch, const ForwardOptions& options) const override {
    return sound_->forward(batch, options);
  }
  ForwardResult forward_from(std::int64_t layer, const at::Tensor& resid, const TokenBatch& batch,
                             const ForwardOptions& options) const override {
    ForwardResult result = sound_->forward_from(layer, resid, batch, options);
    result.logits = result.logits * 1.01;
    return result;
  }

 private:
  std::shared_ptr<const Model> sound_ = testing::tiny_model();
};

TEST(SelfCheck, FailsWhereTheLensDoesNotDescribeTheModel) {
  const auto checks = check_identities(WrongLogits(), testing::random_ids(70, 50));
  EXPECT_TRUE(checks[0].holds());
  EXPECT_TRUE(checks[1].holds());
  EXPECT_FALSE(checks[2].holds());
}

}  // namespace
}  // namespace energy_lens
