#include "energy_lens/lens/energy.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/lens/reference_block.h"
#include "energy_lens/model/layers.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::random_tensor;

struct Case {
  Unembed unembed;
  std::vector<at::Tensor> streams;
  at::Tensor targets;
};

// Random lens of `layers` streams in fp64.
Case random_case(NormKind norm, double scale, std::int64_t rows = 5, std::int64_t width = 12,
                 std::int64_t vocabulary = 40, std::int64_t layers = 3) {
  Case c;
  c.unembed.norm = norm;
  c.unembed.gamma = random_tensor("gamma", {width}, 0.3).to(at::kDouble) + 1.0;
  if (norm == NormKind::LayerNorm) c.unembed.beta = random_tensor("beta", {width}, 0.3).to(at::kDouble);
  c.unembed.w_u = random_tensor("w_u", {vocabulary, width}, 1.0).to(at::kDouble);
  c.unembed.b_u = random_tensor("b_u", {vocabulary}, 0.5).to(at::kDouble);
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    c.streams.push_back(random_tensor("h" + std::to_string(layer), {rows, width}, scale).to(at::kDouble));
  }
  c.targets = at::tensor(random_ids(rows, vocabulary));
  return c;
}

std::vector<LensRows> run(const Case& c, bool gradients = true) {
  return lens_rows(c.streams, c.targets, c.unembed,
                   {.top_k = 3, .gradient = gradients, .expected_gradient = gradients});
}

// The same lens from plain operators, for autograd.
at::Tensor plain_log_probs(const at::Tensor& h, const Unembed& u) {
  const at::Tensor centred = u.norm == NormKind::LayerNorm ? h - h.mean(-1, true) : h;
  const at::Tensor n = centred / at::sqrt(centred.square().mean(-1, true) + u.eps);
  at::Tensor y = n * u.gamma;
  if (u.beta.defined()) y = y + u.beta;
  return at::log_softmax(at::matmul(y, u.w_u.t()) + u.b_u, -1);
}

double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).norm() / expected.norm()).item<double>();
}

TEST(NormScale, IsWhatTheFinalNormDividesBy) {
  for (const NormKind norm : {NormKind::LayerNorm, NormKind::RmsNorm}) {
    const Case c = random_case(norm, 3.0);
    const at::Tensor h = c.streams[0], centred = norm == NormKind::LayerNorm ? h - h.mean(-1, true) : h;
    const at::Tensor sigma = norm_scale(h, c.unembed);
    EXPECT_EQ(sigma.sizes(), at::IntArrayRef({h.size(0)}));
    EXPECT_LT(relative_error(centred / sigma.unsqueeze(-1), normalize(h, norm, c.unembed.eps)), 1e-12);
  }
}

class LensGradient : public ::testing::TestWithParam<std::tuple<NormKind, double>> {};

TEST_P(LensGradient, EqualsAutogradForTargetAndExpectation) {
  const Case c = random_case(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const auto rows = run(c);
  const at::Tensor final_probs = plain_log_probs(c.streams.back(), c.unembed).exp();
  for (std::size_t layer = 0; layer + 1 < c.streams.size(); ++layer) {
    at::Tensor h = c.streams[layer].clone().set_requires_grad(true);
    const at::Tensor log_probs = plain_log_probs(h, c.unembed);
    const at::Tensor energy = -log_probs.gather(-1, c.targets.unsqueeze(-1)).sum();
    const at::Tensor kl = (final_probs * (final_probs.log() - log_probs)).sum();
    const auto grad = [&](const at::Tensor& y) { return torch::autograd::grad({y}, {h}, {}, true)[0]; };
    EXPECT_LT(relative_error(rows[layer].gradient, grad(energy)), 1e-10);
    EXPECT_LT(relative_error(rows[layer].expected_gradient, grad(kl)), 1e-10);
  }
}

TEST_P(LensGradient, MatchesFiniteDifferencesToSecondOrder) {
  Case c = random_case(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const at::Tensor direction = random_tensor("direction", {12}, 1.0).to(at::kDouble);
  const auto base = run(c);
  const double slope_exact = base[0].gradient[0].dot(direction).item<double>();
  const double size = c.streams[0][0].norm().item<double>() / direction.norm().item<double>();
  double errors[2];
  for (int i = 0; i < 2; ++i) {
    const double step = size * (i == 0 ? 1e-2 : 1e-3);
    const auto energy = [&](double sign) {
      Case moved = c;
      moved.streams[0] = c.streams[0].clone();
      moved.streams[0][0] += direction * (sign * step);
      return run(moved, false)[0].energy[0].item<double>();
    };
    errors[i] = std::abs((energy(1) - energy(-1)) / (2 * step) - slope_exact);
  }
  EXPECT_NEAR(std::log10(errors[0] / errors[1]), 2.0, 0.05);
}

TEST_P(LensGradient, IsOrthogonalToTheStreamUpToEps) {
  const Case c = random_case(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const bool layer_norm = c.unembed.norm == NormKind::LayerNorm;
  const at::Tensor& h = c.streams[0];
  const at::Tensor g = run(c)[0].gradient;
  if (layer_norm) {
    EXPECT_LT(g.sum(-1).abs().max().item<double>(), 1e-10 * g.abs().max().item<double>());
  }
  // h . grad = (n . g_n) eps / sigma^2 exactly (Euler's identity with what eps leaves of scale invariance).
  const at::Tensor centred = layer_norm ? h - h.mean(-1, true) : h;
  const at::Tensor variance = centred.square().mean(-1) + c.unembed.eps;
  const at::Tensor unit = centred / variance.sqrt().unsqueeze(-1);
  const at::Tensor p = plain_log_probs(h, c.unembed).exp();
  const at::Tensor weights = p - at::one_hot(c.targets, p.size(-1));
  const at::Tensor g_n = at::matmul(weights, c.unembed.w_u) * c.unembed.gamma;
  const at::Tensor expected = (unit * g_n).sum(-1) * c.unembed.eps / variance;
  const double scale = (h.norm(2, -1) * g.norm(2, -1)).max().item<double>();
  EXPECT_LT(((h * g).sum(-1) - expected).abs().max().item<double>(), 1e-13 * scale);
}

INSTANTIATE_TEST_SUITE_P(NormsAndScales, LensGradient,
                         ::testing::Combine(::testing::Values(NormKind::LayerNorm, NormKind::RmsNorm),
                                            ::testing::Values(0.01, 1.0, 30.0)));

TEST(LensGradientScore, HasMeanZeroUnderTheLensAndTheExpectedGradientUnderTheModel) {
  Case c = random_case(NormKind::LayerNorm, 1.0, 1);
  const at::Tensor p = plain_log_probs(c.streams[0], c.unembed).exp()[0];
  const at::Tensor q = plain_log_probs(c.streams.back(), c.unembed).exp()[0];
  at::Tensor under_lens = at::zeros({12}, at::kDouble), under_model = at::zeros({12}, at::kDouble), expected;
  for (std::int64_t v = 0; v < 40; ++v) {
    c.targets.fill_(v);
    const auto rows = run(c);
    under_lens += p[v] * rows[0].gradient[0];
    under_model += q[v] * rows[0].gradient[0];
    expected = rows[0].expected_gradient[0];
  }
  EXPECT_LT(under_lens.norm().item<double>(), 1e-12);
  EXPECT_LT((under_model - expected).norm().item<double>(), 1e-12);
}

TEST(Lens, GaugeChangesMoveNoMeasurementButTheRawFreeEnergy) {
  const Case c = random_case(NormKind::LayerNorm, 1.0);
  Case moved = c;
  moved.unembed.w_u = c.unembed.w_u + random_tensor("shift", {12}, 1.0).to(at::kDouble);
  moved.unembed.b_u = c.unembed.b_u + 3.0;
  const auto a = run(c), b = run(moved);
  for (std::size_t layer = 0; layer < a.size(); ++layer) {
    for (const auto member :
         {&LensRows::energy, &LensRows::cross_entropy, &LensRows::entropy, &LensRows::margin, &LensRows::target_margin,
          &LensRows::free_energy, &LensRows::kl_to_final, &LensRows::gradient, &LensRows::expected_gradient}) {
      EXPECT_LT((a[layer].*member - b[layer].*member).abs().max().item<double>(), 1e-10);
    }
    const auto raw = [&](const Case& x) { return lens_logits(x.streams[layer], x.unembed).log_norm; };
    EXPECT_GT((raw(c) - raw(moved)).abs().min().item<double>(), 1e-3);  // each token's by its own amount
    EXPECT_GT((raw(c) - raw(moved)).std().item<double>(), 0.1);
  }
}

TEST(Lens, EnergyIsTheLossOfTheLayersOwnLogits) {
  for (const NormKind norm : {NormKind::LayerNorm, NormKind::RmsNorm}) {
    const Case c = random_case(norm, 1.0, 20);
    const auto rows = run(c);
    for (std::size_t layer = 0; layer < rows.size(); ++layer) {
      const at::Tensor log_probs = plain_log_probs(c.streams[layer], c.unembed);
      const at::Tensor loss = -log_probs.gather(-1, c.targets.unsqueeze(-1)).squeeze(-1);
      EXPECT_LT((rows[layer].energy - loss).abs().max().item<double>(), 1e-10);
    }
  }
}

TEST(Lens, ScalarsObeyTheirBoundsAndIdentities) {
  const Case c = random_case(NormKind::LayerNorm, 1.0, 20);
  const auto rows = run(c);
  const at::Tensor final_entropy = rows.back().entropy;
  for (const LensRows& layer : rows) {
    EXPECT_GE(layer.energy.min().item<double>(), 0);
    EXPECT_GE(layer.entropy.min().item<double>(), 0);
    EXPECT_LE(layer.entropy.max().item<double>(), std::log(40.0) + 1e-12);
    EXPECT_GE(layer.kl_to_final.min().item<double>(), 0);
    EXPECT_TRUE(at::allclose(layer.cross_entropy, final_entropy + layer.kl_to_final, 0, 1e-12));
    EXPECT_TRUE(at::allclose(layer.depth_descent, layer.energy - rows.back().energy, 0, 1e-12));
    EXPECT_TRUE(at::equal(layer.rank == 0, layer.target_margin >= 0));
    EXPECT_TRUE(at::allclose(layer.top_log_probs.select(1, 0).exp(), layer.confidence, 0, 1e-12));
    EXPECT_TRUE(
        at::allclose(layer.top_log_probs.select(1, 0) - layer.top_log_probs.select(1, 1), layer.margin, 0, 1e-12));
  }
  EXPECT_EQ(rows.back().kl_to_final.abs().max().item<double>(), 0);
}

TEST(Lens, EnergiesBeyondAHundredNatsStayFiniteAndDistinctAndSmallOnesToo) {
  Case c;
  const std::int64_t d = 4;
  c.unembed.gamma = at::ones({d});
  c.unembed.beta = at::zeros({d});
  c.unembed.w_u = at::zeros({5, d});
  c.unembed.b_u = at::tensor({0.0f, -60.0f, -80.0f, -150.0f, -170.0f});
  c.streams = {at::randn({5, d})};
  c.targets = at::arange(5);
  const at::Tensor e = run(c)[0].energy;
  EXPECT_NEAR((e[2] - e[1]).item<float>(), 20.0f, 1e-4);
  EXPECT_NEAR((e[4] - e[3]).item<float>(), 20.0f, 1e-4);
  EXPECT_NEAR(e[0].item<float>() / std::exp(-60.0), 1.0, 1e-4);  // not rounded to zero
}

TEST(Lens, SplittingTheRowsChangesNoBit) {
  Case c = random_case(NormKind::LayerNorm, 1.0, 150);
  for (auto* tensor : {&c.unembed.gamma, &c.unembed.beta, &c.unembed.w_u, &c.unembed.b_u})
    *tensor = tensor->to(at::kFloat);
  for (at::Tensor& stream : c.streams) stream = stream.to(at::kFloat);
  const auto whole = run(c);
  for (const std::int64_t row : {0, 63, 64, 149}) {
    Case one = c;
    for (at::Tensor& stream : one.streams) stream = stream.narrow(0, row, 1);
    one.targets = c.targets.narrow(0, row, 1);
    const auto alone = run(one);
    for (std::size_t layer = 0; layer < alone.size(); ++layer) {
      EXPECT_TRUE(at::equal(alone[layer].energy[0], whole[layer].energy[row]));
      EXPECT_TRUE(at::equal(alone[layer].gradient[0], whole[layer].gradient[row]));
      EXPECT_TRUE(at::equal(alone[layer].expected_gradient[0], whole[layer].expected_gradient[row]));
    }
  }
}

TEST(Lens, BadInputIsNamed) {
  Case c = random_case(NormKind::LayerNorm, 1.0);
  Case nan = c;
  nan.streams[1] = c.streams[1].clone();
  nan.streams[1][3][2] = std::nan("");
  try {
    run(nan);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("stream 1 holds NaN or Inf, first in row 3"), std::string::npos);
  }
  Case target = c;
  target.targets = c.targets + 40;
  EXPECT_THROW(run(target), Error);
  Case shape = c;
  shape.streams[0] = c.streams[0].narrow(1, 0, 5);
  EXPECT_THROW(run(shape), Error);
}

}  // namespace
}  // namespace energy_lens
