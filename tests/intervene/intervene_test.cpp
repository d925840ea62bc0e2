#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/dictionary/omp_dictionary.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/intervene/measure.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/lens/text_lens.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::random_tensor;
using testing::tiny_model;

class Intervention : public ::testing::Test {
 protected:
  void SetUp() override {
    ids_ = random_ids(30, 50);
    baseline_ = run_baseline(*model_, ids_, kLayer);
    codes_ = dictionary_->encode(baseline_.resid);
  }
  at::Tensor gradient() const { return full_total_gradient(*model_, kLayer, baseline_.resid, ids_); }

  static constexpr std::int64_t kLayer = 1;
  std::shared_ptr<const Model> model_ = tiny_model();
  std::shared_ptr<const OmpDictionary> dictionary_ = random_dictionary(24, at::zeros({32}), 5, 3);
  std::vector<std::int64_t> ids_;
  Baseline baseline_;
  SparseCodes codes_;
};

TEST_F(Intervention, IdentityEditsChangeNoBitOfTheRunningModel) {
  const TokenBatch batch = pad_right({ids_, random_ids(11, 50, 1)});
  const at::Tensor plain = model_->forward(batch).logits;
  for (const EditKind kind : {EditKind::Scale, EditKind::Steer}) {
    for (const EditScope scope : {EditScope::Active, EditScope::All}) {
      FeatureEditor editor(*dictionary_, {kLayer, 4, kind, kind == EditKind::Scale ? 1.0 : 0.0, scope, 0});
      ForwardOptions options;
      options.editor = &editor;
      EXPECT_TRUE(at::equal(model_->forward(batch, options).logits, plain));
    }
  }
}

TEST_F(Intervention, EditsEqualDecodingTheEditedCodesPlusTheKeptError) {
  const at::Tensor error = baseline_.resid - decode(*dictionary_, codes_);
  const std::int64_t feature = codes_.atoms[0][0].item<std::int64_t>();
  const at::Tensor a = feature_activations(codes_, feature);
  const auto edited_value = [&](EditKind kind, double v) {
    switch (kind) {
      case EditKind::Zero:
        return at::zeros_like(a);
      case EditKind::Scale:
        return a * 2.5;
      case EditKind::Clamp:
        return at::where(a != 0, at::full_like(a, 2.5), a);
      default:
        return at::where(a != 0, a + v, a);
    }
  };
  for (const EditKind kind : {EditKind::Zero, EditKind::Scale, EditKind::Clamp, EditKind::Steer}) {
    const at::Tensor change = coefficient_change({.layer = kLayer, .feature = feature, .kind = kind, .amount = 2.5}, a);
    const at::Tensor edited = add_along(baseline_.resid, change, dictionary_->atoms()[feature]);
    at::Tensor dense = dense_codes(codes_, 24);
    dense.select(1, feature).copy_(edited_value(kind, 2.5));
    const at::Tensor expected = at::mm(dense, dictionary_->atoms()) + error;
    EXPECT_LT((edited - expected).abs().max().item<float>(), 1e-5);
    EXPECT_TRUE(at::equal(edited.index({change == 0}), baseline_.resid.index({change == 0})));
  }
}

TEST_F(Intervention, TheEditorInAWholePassMeasuresWhatARestartAtItsLayerDoes) {
  const FeatureEdit edit{.layer = kLayer, .feature = codes_.atoms[3][0].item<std::int64_t>(), .kind = EditKind::Zero};
  FeatureEditor editor(*dictionary_, edit);
  ForwardOptions options;
  options.editor = &editor;
  const at::Tensor logits = model_->forward(pad_right({ids_}), options).logits[0];
  const at::Tensor change = coefficient_change(edit, feature_activations(codes_, edit.feature));
  const EditEffect effect = measure_edits(*model_, baseline_, change, {dictionary_->atoms()[edit.feature]})[0];
  const at::Tensor target = at::tensor(ids_).narrow(0, 1, 29).unsqueeze(1);
  const at::Tensor nll = -logits.narrow(0, 0, 29).to(at::kDouble).log_softmax(1).gather(1, target).squeeze(1);
  EXPECT_LT((nll - baseline_.nll - effect.nll_change).abs().max().item<double>(), 1e-10);
  EXPECT_NEAR(effect.own + effect.later, effect.total, 1e-12);
  EXPECT_GE(effect.kl.min().item<double>(), 0.0);
  EXPECT_GT(effect.kl.max().item<double>(), 0.0);
}

// Texts longer than the rows whose logits are looked at together, with several directions at once: by all logits of
// each.
TEST_F(Intervention, EffectsAreThoseOfAllLogitsAtOnce) {
  const std::vector<std::int64_t> ids = random_ids(150, 50, 2);
  const Baseline baseline = run_baseline(*model_, ids, kLayer);
  const at::Tensor target = at::tensor(ids).narrow(0, 1, 149).unsqueeze(1);
  const auto log_p = [&](const at::Tensor& stream) {
    const at::Tensor logits = model_->forward_from(kLayer, stream.unsqueeze(0), pad_right({ids})).logits[0];
    return logits.to(at::kDouble).log_softmax(1);
  };
  const auto nll = [&](const at::Tensor& p) { return -p.narrow(0, 0, 149).gather(1, target).squeeze(1); };
  const at::Tensor before = log_p(baseline.resid), change = random_tensor("change", {150}, 1.0).to(at::kDouble);
  EXPECT_LT((baseline.nll - nll(before)).abs().max().item<double>(), 1e-12);
  const std::vector<at::Tensor> directions = {dictionary_->atoms()[2], dictionary_->atoms()[9]};
  const auto effects = measure_edits(*model_, baseline, change, directions);
  ASSERT_EQ(effects.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const at::Tensor after = log_p(add_along(baseline.resid, change, directions[i]));
    EXPECT_LT((effects[i].nll_change - (nll(after) - nll(before))).abs().max().item<double>(), 1e-12);
    EXPECT_LT((effects[i].kl - (before.exp() * (before - after)).sum(1)).abs().max().item<double>(), 1e-12);
    EXPECT_TRUE(at::equal(effects[i].top1_changed, before.argmax(1).ne(after.argmax(1))));
    EXPECT_NEAR(effects[i].total, effects[i].nll_change.sum().item<double>(), 1e-10);
  }
}

TEST_F(Intervention, NothingBeforeTheFirstEditedTokenChanges) {
  at::Tensor change = at::zeros({30}, at::kDouble);
  change[12] = 3.0;
  const EditEffect effect = measure_edits(*model_, baseline_, change, {dictionary_->atoms()[0]})[0];
  EXPECT_EQ(effect.nll_change.narrow(0, 0, 12).abs().max().item<double>(), 0.0);
  EXPECT_EQ(effect.kl.narrow(0, 0, 12).max().item<double>(), 0.0);
  EXPECT_GT(effect.kl[13].item<double>(), 0.0);
  EXPECT_DOUBLE_EQ(effect.own, effect.nll_change[12].item<double>());
}

TEST_F(Intervention, OwnGradientIsTheTotalOfAPositionWhoseLossAloneCounts) {
  const std::vector<std::int64_t> labels(ids_.begin() + 1, ids_.end());
  const at::Tensor own = full_own_gradient(*model_, kLayer, baseline_.resid, ids_, labels);
  const at::Tensor total = gradient();
  // The last scored position moves no later loss, so both gradients are one there; before it they are not.
  EXPECT_TRUE(at::allclose(own[28], total[28], 1e-4, 1e-6));
  EXPECT_FALSE(at::allclose(own[3], total[3], 1e-2, 1e-4));
  for (const std::int64_t token : {0, 9, 20}) {
    // Cut after the token, its own loss is the last one, and the total of the shorter text is it alone.
    const std::vector<std::int64_t> shorter(ids_.begin(), ids_.begin() + token + 2);
    const Baseline cut = run_baseline(*model_, shorter, kLayer);
    const at::Tensor cut_total = full_total_gradient(*model_, kLayer, cut.resid, shorter);
    EXPECT_TRUE(at::allclose(own[token], cut_total[token], 1e-3, 1e-5));
  }
}

TEST_F(Intervention, DosesOfOnePerCentLieOnTheGradientsLine) {
  const at::Tensor g = gradient();
  std::vector<double> predicted, measured;
  const double doses[] = {-0.01, 0.01};
  for (std::int64_t feature = 0; feature < 24; ++feature) {
    const at::Tensor a = feature_activations(codes_, feature);
    if (!a.any().item<bool>()) continue;
    for (const DosePoint& p : dose_response(*model_, baseline_, a, dictionary_->atoms()[feature], g, doses)) {
      predicted.push_back(p.predicted);
      measured.push_back(p.total);
    }
  }
  const Agreement line = agreement(predicted, measured);
  EXPECT_GT(line.count, 20);
  EXPECT_NEAR(line.slope, 1.0, 0.02);
  EXPECT_GT(line.r_squared, 0.999);
}

// KL(p || p') of a small edit is its Fisher form, so the mean over labels drawn from the model of (change . gradient)^2
// / 2 must be the KL summed over the positions it reaches.
TEST_F(Intervention, FisherImportanceIsTheDivergenceOfSmallEdits) {
  const std::int64_t token = 14, samples = 300;
  const at::Tensor direction = dictionary_->atoms()[6];
  const double size = 0.3;
  at::Tensor change = at::zeros({30}, at::kDouble);
  change[token] = size;
  const double divergence = measure_edits(*model_, baseline_, change, {direction})[0].kl.sum().item<double>();
  double fisher = 0.0;
  for (std::int64_t s = 0; s < samples; ++s) {
    const auto labels = sample_labels(*model_, baseline_.last, 5, static_cast<std::uint64_t>(s));
    const at::Tensor g = full_total_gradient(*model_, kLayer, baseline_.resid, ids_, labels);
    fisher += 0.5 * std::pow(size * g[token].dot(direction).item<double>(), 2) / samples;
  }
  EXPECT_NEAR(fisher / divergence, 1.0, 0.3);
}

TEST_F(Intervention, AtTheLastLayerTheFullGradientIsTheLensGradient) {
  const std::int64_t last = model_->config().n_layers;
  const TextLens lens = lens_of_text(*model_, ids_, {last}, {.gradient = true});
  const Baseline base = run_baseline(*model_, ids_, last);
  const at::Tensor g = full_total_gradient(*model_, last, base.resid, ids_);
  EXPECT_TRUE(at::allclose(g.narrow(0, 0, 29), lens.rows[0].gradient, 1e-4, 1e-6));
  EXPECT_EQ(g[29].abs().max().item<float>(), 0.0f);
}

TEST_F(Intervention, SmallDosesFollowTheGradientAndTheErrorFallsQuadratically) {
  const std::int64_t feature = codes_.atoms[5][0].item<std::int64_t>();
  const at::Tensor a = feature_activations(codes_, feature), direction = dictionary_->atoms()[feature];
  const double doses[] = {-0.2, 0.2, -0.05, 0.05};
  const auto points = dose_response(*model_, baseline_, a, direction, gradient(), doses);
  const auto error = [&](int i) { return std::abs(points[i].total - points[i].predicted); };
  EXPECT_NEAR(points[3].total / points[3].predicted, 1.0, 0.2);
  EXPECT_LT(error(2) + error(3), (error(0) + error(1)) / 6);  // a quarter of the dose: a sixteenth, third order aside
}

TEST_F(Intervention, IntegratedGradientsAreComplete) {
  const std::int64_t feature = codes_.atoms[5][0].item<std::int64_t>();
  const at::Tensor direction = dictionary_->atoms()[feature];
  const at::Tensor change = -feature_activations(codes_, feature);
  const double predicted = integrated_change(*model_, baseline_, change, direction, 20);
  const double measured = measure_edits(*model_, baseline_, change, {direction})[0].total;
  EXPECT_NEAR(predicted, measured, 0.01 * std::abs(measured) + 1e-3);
}

TEST_F(Intervention, NumberOfThreadsChangesNoBit) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = gradient();
  at::set_num_threads(2);
  const at::Tensor two = gradient();
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, two));
}

TEST_F(Intervention, BadInputIsRefused) {
  EXPECT_THROW(run_baseline(*model_, ids_, 4), Error);
  EXPECT_THROW(run_baseline(*model_, {3}, 1), Error);
  EXPECT_THROW(FeatureEditor(*dictionary_, {.layer = 1, .feature = 24}), Error);
  EXPECT_THROW(FeatureEditor(*dictionary_, {.layer = 1, .feature = 2}, at::zeros({31})), Error);
  EXPECT_THROW(full_total_gradient(*model_, 1, baseline_.resid, ids_, {99}), Error);
  EXPECT_THROW(coefficient_change({.kind = EditKind::Clamp, .amount = std::nan("")}, at::ones({3}, at::kDouble)),
               Error);
}

TEST(RandomDirection, IsAUnitVectorOfItsSeedAndIndexAlone) {
  const at::Tensor a = random_direction(32, 1, 5);
  EXPECT_NEAR(a.norm().item<double>(), 1.0, 1e-6);
  EXPECT_TRUE(at::equal(a, random_direction(32, 1, 5)));
  EXPECT_LT(std::abs(a.dot(random_direction(32, 1, 6)).item<double>()), 0.8);
}

TEST(Agreement, MatchesTheClosedForms) {
  const double x[] = {1, 2, 3, 4}, y[] = {2.5, 4.5, 6.5, 8.5}, down[] = {-1, -2, -3, -9};
  const Agreement line = agreement(x, y);
  EXPECT_NEAR(line.slope, 2.0, 1e-12);
  EXPECT_NEAR(line.intercept, 0.5, 1e-12);
  EXPECT_NEAR(line.r_squared, 1.0, 1e-12);
  EXPECT_EQ(line.sign_agreement, 1.0);
  EXPECT_EQ(agreement(x, down).sign_agreement, 0.0);
  EXPECT_NEAR(agreement(x, down).spearman, -1.0, 1e-12);
}

TEST(SecondOrderChange, AddsHalfTheMeanSquareOfTheWholeEditsSlopes) {
  const at::Tensor change = random_tensor("change", {5}, 1.0), direction = random_tensor("direction", {3}, 1.0);
  const at::Tensor gradient = random_tensor("gradient", {5, 3}, 1.0);
  const std::vector<at::Tensor> drawn = {random_tensor("one", {5, 3}, 1.0), random_tensor("two", {5, 3}, 1.0)};
  const auto slope = [&](const at::Tensor& g) { return change.dot(g.mv(direction)).item<double>(); };
  const double squares = std::pow(slope(drawn[0]), 2) + std::pow(slope(drawn[1]), 2);
  EXPECT_NEAR(second_order_change(change, direction, gradient, drawn), slope(gradient) + 0.25 * squares, 1e-5);
}

TEST(FisherImportance, EqualsItsDefinition) {
  const at::Tensor atoms = random_tensor("atoms", {4, 3}, 1.0), g = random_tensor("g", {2, 3}, 1.0);
  const SparseCodes codes{at::tensor({0, 2, 3, -1}, at::kLong).view({2, 2}),
                          at::tensor({1.5f, -2.0f, 0.5f, 0.0f}).view({2, 2})};
  const at::Tensor q = fisher_importance(codes, atoms, g);
  const auto term = [&](int k, int n, double a) { return std::pow(a * atoms[k].dot(g[n]).item<double>(), 2); };
  EXPECT_NEAR(q[0].item<double>(), 0.5 * term(0, 0, 1.5) / 2, 1e-6);
  EXPECT_NEAR(q[2].item<double>(), 0.5 * term(2, 0, -2.0) / 2, 1e-6);
  EXPECT_NEAR(q[3].item<double>(), 0.5 * term(3, 1, 0.5) / 2, 1e-6);
  EXPECT_EQ(q[1].item<double>(), 0.0);
}

}  // namespace
}  // namespace energy_lens
