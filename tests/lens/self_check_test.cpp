#include "energy_lens/lens/self_check.h"

#include <gtest/gtest.h>

#include "energy_lens/model/model.h"
#include "tests/support/passed_on_model.h"
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

TEST(SelfCheck, HoldsForTheEmbeddedModelInBothTypes) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto model = load_model(EL_SOURCE_DIR "/models/demo", {.dtype = dtype});
    for (const IdentityCheck& check : check_identities(*model, testing::random_ids(64, 4000))) {
      EXPECT_TRUE(check.holds()) << check.identity << " " << check.difference << " > " << check.tolerance;
    }
  }
}

// A model whose logits are not those of its stream: the check must see it.
class WrongLogits : public testing::PassedOnModel {
 public:
  WrongLogits() : PassedOnModel(testing::tiny_model()) {}
  ForwardResult forward_from(std::int64_t layer, const at::Tensor& resid, const TokenBatch& batch,
                             const ForwardOptions& options) const override {
    ForwardResult result = PassedOnModel::forward_from(layer, resid, batch, options);
    result.logits = result.logits * 1.01;
    return result;
  }
};

TEST(SelfCheck, FailsWhereTheLensDoesNotDescribeTheModel) {
  const auto checks = check_identities(WrongLogits(), testing::random_ids(70, 50));
  EXPECT_TRUE(checks[0].holds());
  EXPECT_TRUE(checks[1].holds());
  EXPECT_FALSE(checks[2].holds());
}

}  // namespace
}  // namespace energy_lens
