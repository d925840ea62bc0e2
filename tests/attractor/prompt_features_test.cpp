#include "energy_lens/attractor/prompt_features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

// Its logits are the stream itself, so that a test can write them down.
class LogitsAsStream : public Model {
 public:
  LogitsAsStream() { config_.d_model = config_.d_vocab = config_.n_ctx = 8; }
  const ModelConfig& config() const override { return config_; }
  const Unembed& unembed() const override { return unembed_; }
  at::ScalarType dtype() const override { return at::kFloat; }
  std::string digest() const override { return ""; }
  std::int64_t parameters() const override { return 0; }
  ForwardResult forward(const TokenBatch&, const ForwardOptions&) const override { return {}; }
  ForwardResult forward_from(std::int64_t, const at::Tensor& resid, const TokenBatch&,
                             const ForwardOptions&) const override {
    return {resid, resid};
  }

 private:
  ModelConfig config_;
  Unembed unembed_;
};

TEST(PromptFeatures, AreTheClosedFormsOfKnownLogits) {
  const std::vector<std::int64_t> tokens = {4, 7, 4};
  at::Tensor logits = at::zeros({3, 8});
  logits[2][5] = std::log(7.0);  // p = 1/2 against seven of 1/14
  const PromptFeatures f = prompt_features(LogitsAsStream(), tokens, logits);
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
  EXPECT_EQ(prompt_features(LogitsAsStream(), tokens, at::zeros({3, 8})).induction, 0.0);
}

TEST(PromptFeatures, RefuseOtherShapes) {
  const std::vector<std::int64_t> tokens = {1, 2};
  EXPECT_THROW(prompt_features(LogitsAsStream(), tokens, at::zeros({3, 8})), Error);
  EXPECT_THROW(prompt_features(LogitsAsStream(), tokens, at::zeros({2, 7})), Error);
  EXPECT_THROW(prompt_features(LogitsAsStream(), {}, at::zeros({0, 8})), Error);
}

}  // namespace
}  // namespace energy_lens
