#include "energy_lens/lens/token_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "energy_lens/lens/self_check.h"
#include "energy_lens/lens/text_lens.h"
#include "tests/support/counted_logits.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::CountedLogits;

TEST(TokenLoss, IsThatOfAllLogitsAtOnceBitForBit) {
  const CountedLogits model(testing::tiny_model({.context = 400}));
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
  const CountedLogits model(testing::tiny_model({.context = 400}));
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
