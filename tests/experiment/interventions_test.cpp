#include <gtest/gtest.h>

#include "energy_lens/experiment/edit_trials.h"
#include "energy_lens/experiment/intervention_section.h"
#include "energy_lens/model/unembed_rows.h"
#include "tests/support/counted_logits.h"
#include "tests/support/small_study.h"

namespace energy_lens {
namespace {

using testing::CountedLogits;
using testing::StudyFolder;

// Windows longer than the rows whose logits may stand in memory at once.
class LayerInterventions : public ::testing::Test {
 protected:
  void SetUp() override {
    config_.window = kLogitRows + 22;
    config_.edited_documents = 2;
    config_.edited_features = 1;
    data_ = load_study_data(config_, no_progress());
    model_ = std::make_shared<const CountedLogits>(data_.model);
    data_.model = model_;
    dictionary_ = random_dictionary(400, at::zeros({model_->config().d_model}), 2, 1);
  }
  // The atoms' activity in the documents that are edited: [K] bool.
  at::Tensor active_atoms() {
    at::Tensor active = at::zeros({dictionary_->atoms().size(0)}, at::kBool);
    for (const EditDocument& document : prepare_documents(data_, config_, *dictionary_, kLayer, no_progress())) {
      const at::Tensor used = document.codes.atoms.slice(0, data_.first_position);
      active.index_fill_(0, used.masked_select(used.ge(0)), true);
    }
    return active;
  }
  Json edited(std::int64_t feature) {
    FeatureScore score;
    score.feature = feature;
    LayerAlignment alignment{.layer = kLayer, .a = {}, .b = {}};
    alignment.a.scores = {score};
    return layer_interventions(data_, config_, *dictionary_, alignment, no_progress());
  }

  static constexpr std::int64_t kLayer = 11;
  const StudyFolder folder_;
  StudyConfig config_ = folder_.config("unused");
  StudyData data_;
  std::shared_ptr<const CountedLogits> model_;
  std::shared_ptr<const OmpDictionary> dictionary_;
};

TEST_F(LayerInterventions, HoldTheLogitsOfAFewRowsWhateverTheDocuments) {
  const Json result = edited(active_atoms().nonzero()[0].item<std::int64_t>());
  EXPECT_GT(result["edits"].size(), 3u);
  EXPECT_GT(result["dose_response"].size(), 3u);
  EXPECT_EQ(model_->most_rows(), kLogitRows);
  EXPECT_EQ(result["identity_bitwise"], true);
}

TEST_F(LayerInterventions, ClaimNoIdentityWhereNothingWasEdited) {
  const Json result = edited(active_atoms().logical_not().nonzero()[0].item<std::int64_t>());
  EXPECT_TRUE(result["edits"].empty());
  EXPECT_TRUE(result["identity_bitwise"].is_null());
}

TEST(JoinedInterventions, KnowIdentityOnlyFromLayersThatRanIt) {
  const auto joined = [](const std::vector<Json>& bitwise) {
    std::vector<Json> layers;
    for (const Json& each : bitwise) {
      layers.push_back({{"edits", Json::array()},
                        {"dose_response", Json::array()},
                        {"integrated", nullptr},
                        {"identity_bitwise", each}});
    }
    return joined_interventions({}, layers)["identity_bitwise"];
  };
  EXPECT_EQ(joined({nullptr, nullptr}), nullptr);
  EXPECT_EQ(joined({true, nullptr, true}), true);
  EXPECT_EQ(joined({nullptr, false, true}), false);
  EXPECT_EQ(joined({true, false, nullptr}), false);
}

}  // namespace
}  // namespace energy_lens
