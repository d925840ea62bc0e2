// Mixtures of experts against a plain loop over tokens and experts.
#include "energy_lens/model/experts.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "energy_lens/model/model.h"
#include "tests/support/family_configs.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_tensor;

constexpr std::int64_t kWidth = 24, kExperts = 6, kInner = 16, kShared = 20;

AffineWeights random_affine(const std::string& name, std::int64_t in, std::int64_t out) {
  return {random_tensor(name, {out, in}, 0.3).t(), {}};
}

struct Mixture {
  explicit Mixture(bool shared) {
    config.d_model = kWidth;
    config.activation = ActivationKind::Silu;
    config.experts = {kExperts, 2, kInner, shared ? kShared : 0, true, {true}};
    weights.router = random_affine("router", kWidth, kExperts);
    for (std::int64_t i = 0; i < kExperts; ++i) {
      const std::string name = "expert" + std::to_string(i);
      weights.routed.push_back(
          {random_affine(name + "in", kWidth, 2 * kInner), random_affine(name + "out", kInner, kWidth)});
    }
    if (!shared) return;
    weights.shared = {random_affine("in", kWidth, 2 * kShared), random_affine("out", kShared, kWidth)};
    weights.shared_gate = random_affine("gate", kWidth, 1);
  }
  at::Tensor run(const at::Tensor& x) const {
    return expert_outputs(expert_activations(x, config, weights), config, weights);
  }
  ModelConfig config;
  ExpertWeights weights;
};

at::Tensor plain_mlp(const at::Tensor& x, const GatedWeights& mlp) {
  const std::vector<at::Tensor> halves = at::matmul(x, mlp.in.w.to(at::kDouble)).chunk(2);
  return at::matmul(at::silu(halves[0]) * halves[1], mlp.out.w.to(at::kDouble));
}

// One token by the definition, in fp64.
at::Tensor plain_token(const at::Tensor& x, const Mixture& m) {
  const at::Tensor shares = at::softmax(at::matmul(x, m.weights.router.w.to(at::kDouble)), 0);
  const auto [values, chosen] = at::topk(shares, m.config.experts.per_token);
  at::Tensor out = at::zeros_like(x);
  for (std::int64_t i = 0; i < chosen.size(0); ++i) {
    const at::Tensor weight = m.config.experts.normalized ? values[i] / values.sum() : values[i];
    const auto expert = static_cast<std::size_t>(chosen[i].item<std::int64_t>());
    out = out + weight * plain_mlp(x, m.weights.routed[expert]);
  }
  if (m.config.experts.shared_width == 0) return out;
  return out + at::sigmoid(at::matmul(x, m.weights.shared_gate.w.to(at::kDouble))) * plain_mlp(x, m.weights.shared);
}

TEST(Experts, EqualThePlainLoop) {
  for (const bool shared : {false, true}) {
    for (const bool normalized : {false, true}) {
      Mixture mixture(shared);
      mixture.config.experts.normalized = normalized;
      const at::Tensor x = random_tensor("x", {64, kWidth}, 1.0), out = mixture.run(x);
      for (std::int64_t row = 0; row < x.size(0); ++row) {
        const at::Tensor expected = plain_token(x[row].to(at::kDouble), mixture);
        // Sums of 24, 16 and 2 terms of the size of the result, each rounded by 2^-24.
        const double tolerance = 42.0 / (1 << 24) * std::max(1.0, expected.abs().max().item<double>());
        EXPECT_LT((out[row].to(at::kDouble) - expected).abs().max().item<double>(), tolerance) << row;
      }
    }
  }
}

TEST(Experts, WhereOtherRowsGoChangesNoBit) {
  const at::NoGradGuard measured;  // the promise is the measuring pass's; autograd's operators give no such one
  const Mixture mixture(true);
  const at::Tensor x = random_tensor("x", {64, kWidth}, 1.0), whole = mixture.run(x);
  for (std::uint64_t trial = 0; trial < 20; ++trial) {
    const std::int64_t kept = static_cast<std::int64_t>(3 * trial);
    at::Tensor other = random_tensor("other" + std::to_string(trial), {64, kWidth}, 1.0);
    other[kept] = x[kept];
    EXPECT_TRUE(at::equal(mixture.run(other)[kept], whole[kept])) << kept;
  }
  at::Tensor padded = at::zeros_like(x);
  padded.narrow(0, 0, 9).copy_(x.narrow(0, 0, 9));
  EXPECT_TRUE(at::equal(mixture.run(padded).narrow(0, 0, 9), whole.narrow(0, 0, 9)));
}

TEST(Experts, EqualSharesGoToTheFirst) {
  Mixture mixture(false);
  mixture.weights.router.w = at::zeros({kWidth, kExperts});
  const at::Tensor weights =
      routing_weights(random_tensor("x", {3, kWidth}, 1.0), mixture.config.experts, mixture.weights);
  EXPECT_TRUE(at::equal(weights[1], at::tensor({0.5, 0.5, 0.0, 0.0, 0.0, 0.0}, at::kFloat)));
}

TEST(Experts, GradientIsThatOfFiniteDifferences) {
  const Mixture mixture(true);
  const at::Tensor x = random_tensor("x", {5, kWidth}, 1.0), along = random_tensor("along", {5, kWidth}, 1.0);
  const at::Tensor leaf = x.clone().requires_grad_(true);
  const at::Tensor gradient = torch::autograd::grad({mixture.run(leaf).square().sum()}, {leaf})[0];
  const auto plain = [&](const at::Tensor& rows) {
    double sum = 0.0;
    for (std::int64_t row = 0; row < rows.size(0); ++row) {
      sum += plain_token(rows[row], mixture).square().sum().item<double>();
    }
    return sum;
  };
  const at::Tensor at_x = x.to(at::kDouble), step = 1e-6 * along.to(at::kDouble);
  const double difference = (plain(at_x + step) - plain(at_x - step)) / 2e-6;
  EXPECT_NEAR((gradient * along).sum().item<double>(), difference, 1e-4 * std::abs(difference));
}

TEST(Experts, AGradientReachesExpertsThatARowDoesNotUse) {
  const Mixture mixture(false);
  const at::Tensor x = random_tensor("x", {4, kWidth}, 1.0);
  at::Tensor post = expert_activations(x, mixture.config, mixture.weights).detach().requires_grad_(true);
  const at::Tensor out = expert_outputs(post, mixture.config, mixture.weights, /*every_expert=*/true);
  const at::Tensor gradient = torch::autograd::grad({out.sum()}, {post})[0];
  std::vector<at::Tensor> expected;
  for (const GatedWeights& expert : mixture.weights.routed) expected.push_back(expert.out.w.sum(1));
  EXPECT_TRUE(at::allclose(gradient, at::cat(expected).expand_as(gradient), 1e-5, 1e-6));
}

// Adds to one neuron of one expert and expects what its row of W_down says.
struct NeuronEditor : Editor {
  explicit NeuronEditor(std::int64_t neuron) : neuron(neuron) {}
  bool edits(const SiteRef& site) const override { return site == SiteRef{Site::MlpPost, 0}; }
  at::Tensor edit(const SiteRef&, const at::Tensor& value, const TokenBatch&) override {
    at::Tensor edited = value.clone();
    edited.select(2, neuron) += 1.0;
    return edited;
  }
  std::int64_t neuron;
};

struct MlpOutRecorder : Observer {
  bool wants(const SiteRef& site) const override { return site == SiteRef{Site::MlpOut, 0}; }
  void observe(const SiteRef&, const at::Tensor& value, const TokenBatch&) override { seen = value.clone(); }
  at::Tensor seen;
};

TEST(Experts, EditsOfHookPostPassThroughOneMatrix) {
  const auto model = testing::random_family_model("mixtral");
  const TokenBatch batch = pad_right({testing::random_ids(70, 50)});
  const auto mlp_out = [&](Editor* editor) {
    MlpOutRecorder recorder;
    ForwardOptions options;
    options.observer = &recorder;
    options.editor = editor;
    model->forward(batch, options);
    return recorder.seen;
  };
  const at::Tensor plain = mlp_out(nullptr);
  for (const std::int64_t neuron : {0, 79, 80, 319}) {  // of experts 0, 0, 1 and 3
    NeuronEditor editor(neuron);
    const at::Tensor change = mlp_out(&editor) - plain;
    const at::Tensor first = change[0][0];
    EXPECT_GT(first.abs().max().item<double>(), 0.01);
    // The same row of W_down for every token, whether or not it uses that expert.
    EXPECT_LT((change[0] - first).abs().max().item<double>(), 1e-5) << neuron;
  }
}

}  // namespace
}  // namespace energy_lens
