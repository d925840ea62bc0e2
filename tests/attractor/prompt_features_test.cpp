#include "energy_lens/attractor/prompt_features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

TEST(PromptFeatures, AreTheClosedFormsOfKnownLogits) {
  const std::vector<std::int64_t> tokens = {4, 7, 4};
  at::Tensor logits = at::zeros({3, 8});
  logits[2][5] = std::log(7.0);  // p = 1/2 against seven of 1/14
  const PromptFeatures f = prompt_features(tokens, logits);
  EXPECT_EQ(f.length, 3.0);
  EXPECT_NEAR(f.repetition, 1.0 / 3.0, 1e-12);
  EXPECT_EQ(f.induction, 1.0);
  const double last = 0.5 * std::log(2.0) + 0.5 * std::log(14.0);
  EXPECT_NEAR(f.last_entropy, last, 1e-6);
  EXPECT_NEAR(f.mean_entropy, (2.0 * std::log(8.0) + last) / 3.0, 1e-6);
  EXPECT_NEAR(f.last_margin, std::log(7.0), 1e-6);
  EXPECT_NEAR(f.mean_margin, std::log(7.0) / 3.0, 1e-6);
}

TEST(PromptFeatures, ANewLastTokenIsNoInductionMatch) {
  const std::vector<std::int64_t> tokens = {4, 4, 7};
  EXPECT_EQ(prompt_features(tokens, at::zeros({3, 8})).induction, 0.0);
}

TEST(PromptFeatures, RefuseOtherShapes) {
  const std::vector<std::int64_t> tokens = {1, 2};
  EXPECT_THROW(prompt_features(tokens, at::zeros({3, 8})), Error);
  EXPECT_THROW(prompt_features({}, at::zeros({0, 8})), Error);
}

}  // namespace
}  // namespace energy_lens
