// What theory says of edits of a trained model, on text that it writes itself: there it is calibrated exactly, so the
// first-order effect of an ablation has mean zero, its loss and its KL have one mean, and both are its Fisher form up
// to terms of third order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "energy_lens/dictionary/learn_dictionary.h"
#include "energy_lens/intervene/feature_edit.h"
#include "energy_lens/intervene/full_gradient.h"
#include "energy_lens/intervene/measure.h"
#include "energy_lens/intervene/prediction.h"
#include "energy_lens/lens/streams.h"
#include "tests/support/sampled_text.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kLayer = 4, kTokens = 64, kLearned = 104, kEdited = 40, kAtoms = 128, kFeatures = 24;
constexpr std::uint64_t kSeed = 3;

struct Document {
  Baseline baseline;
  SparseCodes codes;    // nothing at position 0, whose token was not drawn
  at::Tensor gradient;  // [T, D] of the text's total loss
};

// Codes without those of the first token.
SparseCodes codes_after_first(const Dictionary& dictionary, const at::Tensor& stream) {
  SparseCodes codes = dictionary.encode(stream);
  codes.atoms[0].fill_(-1);
  codes.values[0].zero_();
  return codes;
}

// The model, a dictionary learned on some of its texts, and others ready for edits: made once for all tests.
class TrainedModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = load_model(EL_SOURCE_DIR "/models/demo");
    const std::int64_t first = model_->config().d_vocab - 1;  // <|endoftext|>
    const auto texts = testing::sampled_texts(*model_, kLearned + kEdited, kTokens, first, kSeed);
    std::vector<at::Tensor> rows;
    for (std::int64_t n = 0; n < kLearned; ++n) {
      rows.push_back(capture_streams(*model_, pad_right({texts[n]}), {kLayer}).resid[0][0].narrow(0, 1, kTokens - 1));
    }
    dictionary_ = learn_dictionary(at::cat(rows), {.atoms = kAtoms, .active = 16, .iterations = 6});
    for (std::int64_t n = kLearned; n < kLearned + kEdited; ++n) {
      Document document;
      document.baseline = run_baseline(*model_, texts[n], kLayer);
      document.codes = codes_after_first(*dictionary_, document.baseline.resid);
      document.gradient = full_total_gradient(*model_, kLayer, document.baseline.resid, texts[n]);
      documents_.push_back(std::move(document));
    }
  }
  static void TearDownTestSuite() {
    documents_.clear();
    dictionary_.reset();
    model_.reset();
  }

  // Features spread evenly over how often the documents use them.
  static std::vector<std::int64_t> features() {
    at::Tensor uses = at::zeros({kAtoms}, at::kLong);
    for (const Document& document : documents_) uses += dense_codes(document.codes, kAtoms).ne(0.0).sum(0);
    const at::Tensor order = uses.argsort(0, /*descending=*/true);
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < kFeatures; ++i) chosen.push_back(order[i * kAtoms / kFeatures].item<std::int64_t>());
    return chosen;
  }

  inline static std::shared_ptr<const Model> model_;
  inline static std::shared_ptr<const Dictionary> dictionary_;
  inline static std::vector<Document> documents_;
};

TEST_F(TrainedModel, EditsThatAskForNothingChangeNoBit) {
  const TokenBatch batch = pad_right({documents_[0].baseline.ids, documents_[1].baseline.ids});
  const at::Tensor plain = model_->forward(batch).logits;
  for (const std::int64_t feature : {features().front(), features().back()}) {
    for (const FeatureEdit& edit :
         {FeatureEdit{.layer = kLayer, .feature = feature, .kind = EditKind::Scale, .amount = 1},
          FeatureEdit{.layer = kLayer, .feature = feature, .kind = EditKind::Steer}}) {
      FeatureEditor editor(*dictionary_, edit);
      ForwardOptions options;
      options.editor = &editor;
      EXPECT_TRUE(at::equal(model_->forward(batch, options).logits, plain)) << feature;
    }
  }
}

TEST_F(TrainedModel, DosesOfOnePerCentLieOnTheGradientsLine) {
  const double doses[] = {-0.01, 0.01};
  std::vector<double> predicted[2], measured[2];
  for (const std::int64_t feature : features()) {
    for (std::size_t n = 0; n < 8; ++n) {
      const Document& document = documents_[n];
      const at::Tensor a = feature_activations(document.codes, feature);
      if (!a.any().item<bool>()) continue;
      const auto points =
          dose_response(*model_, document.baseline, a, dictionary_->atoms()[feature], document.gradient, doses);
      for (int i = 0; i < 2; ++i) {
        predicted[i].push_back(points[i].predicted);
        measured[i].push_back(points[i].total);
      }
    }
  }
  for (int i = 0; i < 2; ++i) {
    const Agreement line = agreement(predicted[i], measured[i]);
    EXPECT_GT(line.count, 100);
    EXPECT_NEAR(line.slope, 1.0, 0.02) << doses[i];
    EXPECT_GT(line.r_squared, 0.999) << doses[i];
  }
}

TEST_F(TrainedModel, IntegratedGradientsAccountForWholeAblations) {
  std::vector<double> integrated, measured;
  double missed = 0.0, total = 0.0;
  for (const std::int64_t feature : features()) {
    const Document& document = documents_[integrated.size() % kEdited];
    const at::Tensor change = -feature_activations(document.codes, feature), direction = dictionary_->atoms()[feature];
    if (!change.any().item<bool>()) continue;
    integrated.push_back(integrated_change(*model_, document.baseline, change, direction));
    measured.push_back(measure_edits(*model_, document.baseline, change, {direction})[0].total);
    missed += std::abs(integrated.back() - measured.back());
    total += std::abs(measured.back());
  }
  EXPECT_LT(missed, 0.01 * total);
  const Agreement line = agreement(integrated, measured);
  EXPECT_GT(line.count, 15);
  EXPECT_NEAR(line.slope, 1.0, 0.01);
  EXPECT_GT(line.r_squared, 0.999);
}

// Nats a token over the edited documents: the mean of Q over features, and what scaling their activations by 1 - dose
// does to the loss and to the distributions.
struct Damage {
  double fisher = 0.0, loss = 0.0, divergence = 0.0, first_order = 0.0;
};

class AblationDamage : public TrainedModel {
 protected:
  void SetUp() override {
    constexpr std::uint64_t kSamples = 4;
    for (std::size_t n = 0; n < documents_.size(); ++n) {
      const Baseline& baseline = documents_[n].baseline;
      for (std::uint64_t sample = 0; sample < kSamples; ++sample) {
        const auto labels = sample_labels(*model_, baseline.last, kSeed, n * kSamples + sample);
        const at::Tensor g = full_total_gradient(*model_, kLayer, baseline.resid, baseline.ids, labels);
        importance_ += fisher_importance(documents_[n].codes, dictionary_->atoms(), g) / (kSamples * kEdited);
      }
    }
  }

  Damage damage(double dose) const {
    Damage mean;
    constexpr double kShare = 1.0 / (kEdited * kTokens * kFeatures);
    for (const std::int64_t feature : features()) {
      const at::Tensor direction = dictionary_->atoms()[feature];
      mean.fisher += dose * dose * importance_[feature].item<double>() / kFeatures;
      for (const Document& document : documents_) {
        const at::Tensor change = -dose * feature_activations(document.codes, feature);
        if (!change.any().item<bool>()) continue;
        const EditEffect effect = measure_edits(*model_, document.baseline, change, {direction})[0];
        mean.loss += kShare * effect.total;
        mean.divergence += kShare * effect.kl.sum().item<double>();
        mean.first_order += kShare * first_order_change(change, direction, document.gradient);
      }
    }
    return mean;
  }

  at::Tensor importance_ = at::zeros({kAtoms}, at::kDouble);
};

// Eight seeds, each with its own texts and dictionary, gave losses of .76 to 1.17 of it and divergences of .77 to 1.20.
// Further up, whole ablations are so large that the quadratic form overstates them (one seed at layer 8: .52).
TEST_F(AblationDamage, IsTheFishersForm) {
  const Damage whole = damage(1.0);
  EXPECT_NEAR(whole.loss / whole.fisher, 1.0, 0.3);
  EXPECT_NEAR(whole.divergence / whole.fisher, 1.0, 0.3);
  EXPECT_LT(std::abs(whole.first_order), 0.3 * whole.fisher);
}

TEST_F(AblationDamage, OfSmallDosesIsNearerToIt) {
  const Damage quarter = damage(0.25);
  EXPECT_NEAR(quarter.divergence / quarter.fisher, 1.0, 0.2);
}

}  // namespace
}  // namespace energy_lens
