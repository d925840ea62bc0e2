// The lens of every family: its gradient three ways, and its last layer against the model's own loss.
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "energy_lens/lens/energy.h"
#include "energy_lens/lens/text_lens.h"
#include "tests/support/family_configs.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

// E of one stream row, written from the definition in fp64.
at::Tensor plain_energy(const at::Tensor& stream, std::int64_t target, const Unembed& u) {
  const at::Tensor centred = u.norm == NormKind::LayerNorm ? stream - stream.mean() : stream;
  at::Tensor y = centred / at::sqrt(centred.square().mean() + u.eps) * u.gamma.to(at::kDouble);
  if (u.beta.defined()) y = y + u.beta.to(at::kDouble);
  at::Tensor z = at::mv(u.w_u.to(at::kDouble), y);
  if (u.b_u.defined()) z = z + u.b_u.to(at::kDouble);
  if (u.soft_cap > 0.0) z = u.soft_cap * at::tanh(z / u.soft_cap);
  return at::logsumexp(z, 0) - z[target];
}

at::Tensor finite_differences(const at::Tensor& stream, std::int64_t target, const Unembed& u) {
  constexpr double kStep = 1e-5;
  at::Tensor gradient = at::zeros_like(stream);
  for (std::int64_t i = 0; i < stream.size(0); ++i) {
    const at::Tensor step = at::zeros_like(stream);
    step[i] = kStep;
    const at::Tensor difference = plain_energy(stream + step, target, u) - plain_energy(stream - step, target, u);
    gradient[i] = difference / (2.0 * kStep);
  }
  return gradient;
}

class LensOfEveryFamily : public ::testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Model> model = testing::random_family_model(GetParam());
};

TEST_P(LensOfEveryFamily, GradientIsThatOfAutogradAndOfFiniteDifferences) {
  const std::vector<std::int64_t> ids = testing::random_ids(12, 50);
  const TextLens lens = lens_of_text(*model, ids, {0, 1, model->config().n_layers}, {.gradient = true});
  for (std::size_t layer = 0; layer < lens.rows.size(); ++layer) {
    for (const std::int64_t row : {0, 7}) {
      const std::int64_t target = ids[static_cast<std::size_t>(row) + 1];
      const at::Tensor ours = lens.rows[layer].gradient[row].to(at::kDouble);
      at::Tensor leaf = lens.resid[layer][row].to(at::kDouble).clone().requires_grad_(true);
      const at::Tensor energy = plain_energy(leaf, target, model->unembed());
      const at::Tensor autograd = torch::autograd::grad({energy}, {leaf})[0];
      const at::Tensor differences = finite_differences(leaf.detach(), target, model->unembed());
      const double scale = autograd.abs().max().item<double>();
      EXPECT_GT(scale, 0.0);
      EXPECT_LT((autograd - differences).abs().max().item<double>(), 1e-6 * scale + 1e-9);
      EXPECT_LT((autograd - ours).abs().max().item<double>(), 2e-5 * scale) << "layer " << layer << " row " << row;
      EXPECT_NEAR(lens.rows[layer].energy[row].item<double>(), energy.item<double>(), 1e-5);
    }
  }
}

TEST_P(LensOfEveryFamily, LastLayerIsTheModelsOwnLoss) {
  const std::vector<std::int64_t> ids = testing::random_ids(70, 50);
  const std::int64_t layers = model->config().n_layers;
  const TextLens lens = lens_of_text(*model, ids, {layers});
  EXPECT_LT(lens.last_layer_difference, 1e-4);
}

TEST_P(LensOfEveryFamily, Bfloat16LastLayerIsTheModelsOwnLoss) {
  const auto half = testing::random_family_model(GetParam(), at::kBFloat16);
  EXPECT_LT(lens_of_text(*half, testing::random_ids(70, 50), {0}).last_layer_difference, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, LensOfEveryFamily, ::testing::ValuesIn(testing::family_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace energy_lens
