#include <gtest/gtest.h>

#include "energy_lens/core/error.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/measure.h"
#include "intervene_fixture.h"

namespace energy_lens {
namespace {

class FeatureEditorTest : public ::testing::Test {
 protected:
  at::Tensor logits(const TokenBatch& batch, Editor* editor, bool differentiable = false) const {
    ForwardOptions options;
    options.editor = editor;
    options.differentiable = differentiable;
    return model_->forward(batch, options).logits;
  }
  // The feature most often used at the baseline's tokens.
  std::int64_t common_feature(const Baseline& baseline) const {
    const SparseCodes codes = dictionary_.encode(baseline.resid);
    return dense_codes(codes, 40).ne(0.0).sum(0).argmax().item<std::int64_t>();
  }

  std::shared_ptr<const Model> model_ = testing::tiny_model();
  testing::TopThree dictionary_{40, 32};
  std::vector<std::int64_t> ids_ = testing::random_ids(70, 50);
  Baseline baseline_ = run_baseline(*model_, ids_, 1);
  std::int64_t feature_ = common_feature(baseline_);
};

TEST_F(FeatureEditorTest, EditsThatAskForNothingChangeNoBit) {
  const TokenBatch batch = pad_right({ids_, testing::random_ids(31, 50, 4)});
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    for (const FeatureEdit& edit :
         {FeatureEdit{.layer = layer, .feature = feature_, .kind = EditKind::Scale, .amount = 1.0},
          FeatureEdit{.layer = layer, .feature = feature_, .kind = EditKind::Steer, .scope = EditScope::All}}) {
      FeatureEditor editor(dictionary_, edit);
      EXPECT_TRUE(editor.edits({Site::ResidPre, layer}));
      EXPECT_TRUE(at::equal(logits(batch, &editor), logits(batch, nullptr)));
      EXPECT_TRUE(at::equal(logits(batch, &editor, true), logits(batch, nullptr, true)));
    }
  }
}

TEST_F(FeatureEditorTest, InAFullPassEqualsARestartFromTheLayer) {
  const at::Tensor active = feature_activations(dictionary_.encode(baseline_.resid), feature_);
  for (const FeatureEdit& edit :
       {FeatureEdit{.layer = 1, .feature = feature_, .kind = EditKind::Zero},
        FeatureEdit{.layer = 1, .feature = feature_, .kind = EditKind::Scale, .amount = 2.0, .first_position = 1},
        FeatureEdit{.layer = 1, .feature = feature_, .kind = EditKind::Clamp, .amount = 1.0},
        FeatureEdit{.layer = 1, .feature = feature_, .kind = EditKind::Steer, .amount = 2, .scope = EditScope::All}}) {
    FeatureEditor editor(dictionary_, edit);
    const at::Tensor whole = logits(pad_right({ids_}), &editor)[0];
    const at::Tensor change = coefficient_change(edit, active);
    const at::Tensor stream = add_along(baseline_.resid, change, dictionary_.atoms()[feature_]);
    EXPECT_TRUE(at::equal(whole, model_->forward_from(1, stream.unsqueeze(0), pad_right({ids_})).logits[0]));
    const EditEffect effect = measure_edits(*model_, baseline_, change, {dictionary_.atoms()[feature_]})[0];
    const at::Tensor target = at::tensor(ids_, at::kLong).narrow(0, 1, 69).unsqueeze(1);
    const at::Tensor nll = -whole.to(at::kDouble).log_softmax(1).narrow(0, 0, 69).gather(1, target).squeeze(1);
    EXPECT_LT((nll - baseline_.nll - effect.nll_change).abs().max().item<double>(), 1e-12);
    EXPECT_FALSE(at::equal(whole, logits(pad_right({ids_}), nullptr)[0]));
  }
}

TEST_F(FeatureEditorTest, EditsEachSequenceOfABatchAsIfAlone) {
  const std::vector<std::int64_t> other = testing::random_ids(23, 50, 9);
  const FeatureEdit edit{
      .layer = 1, .feature = feature_, .kind = EditKind::Clamp, .amount = 3.0, .scope = EditScope::All};
  FeatureEditor editor(dictionary_, edit);
  const at::Tensor both = logits(pad_right({ids_, other}), &editor);
  EXPECT_TRUE(at::equal(both[0], logits(pad_right({ids_}), &editor)[0]));
  EXPECT_TRUE(at::equal(both[1].narrow(0, 0, 23), logits(pad_right({other}), &editor)[0]));
}

TEST_F(FeatureEditorTest, LeavesTokensBeforeTheEditAlone) {
  FeatureEditor editor(dictionary_, {.layer = 1,
                                     .feature = feature_,
                                     .kind = EditKind::Steer,
                                     .amount = 5.0,
                                     .scope = EditScope::All,
                                     .first_position = 40});
  const at::Tensor edited = logits(pad_right({ids_}), &editor)[0], plain = logits(pad_right({ids_}), nullptr)[0];
  EXPECT_TRUE(at::equal(edited.narrow(0, 0, 40), plain.narrow(0, 0, 40)));
  for (std::int64_t t = 40; t < 70; ++t) EXPECT_FALSE(at::equal(edited[t], plain[t])) << t;
}

TEST_F(FeatureEditorTest, RandomDirectionMovesTheSameTokensByTheSameDistance) {
  const FeatureEdit edit{.layer = 1, .feature = feature_, .kind = EditKind::Zero};
  FeatureEditor own(dictionary_, edit), control(dictionary_, edit, random_direction(32, 1, 2));
  const TokenBatch batch = pad_right({ids_});
  const at::Tensor value = baseline_.resid.unsqueeze(0);
  const at::Tensor moved = (own.edit({Site::ResidPre, 1}, value, batch) - value)[0].norm(2, {1});
  const at::Tensor moved_control = (control.edit({Site::ResidPre, 1}, value, batch) - value)[0].norm(2, {1});
  EXPECT_TRUE(at::equal(moved.ne(0.0), moved_control.ne(0.0)));
  EXPECT_GT(moved.count_nonzero().item<std::int64_t>(), 0);
  EXPECT_LT((moved - moved_control).abs().max().item<double>(), 1e-5);
  EXPECT_FALSE(at::equal(logits(batch, &own), logits(batch, &control)));
}

TEST_F(FeatureEditorTest, GivesTheSameBitsForOneAndTwoThreads) {
  FeatureEditor editor(dictionary_, {.layer = 1, .feature = feature_, .kind = EditKind::Zero});
  const auto [one, two] = testing::under_one_and_two_threads([&] { return logits(pad_right({ids_}), &editor); });
  EXPECT_TRUE(at::equal(one, two));
}

TEST_F(FeatureEditorTest, RefusesWhatTheDictionaryDoesNotHave) {
  EXPECT_THROW(FeatureEditor(dictionary_, {.feature = 40}), Error);
  EXPECT_THROW(FeatureEditor(dictionary_, {.feature = -1}), Error);
  EXPECT_THROW(FeatureEditor(dictionary_, {.layer = -1}), Error);
  EXPECT_THROW(FeatureEditor(dictionary_, {}, at::zeros({31})), Error);
}

}  // namespace
}  // namespace energy_lens
