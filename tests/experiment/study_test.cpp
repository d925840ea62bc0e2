#include "energy_lens/experiment/study.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "energy_lens/core/error.h"
#include "energy_lens/experiment/lens_recipe.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/report/report.h"
#include "tests/support/small_study.h"

namespace energy_lens {
namespace {

using testing::StudyFolder;

std::string without_execution(const std::filesystem::path& folder) {
  Json results = read_json(folder / "results.json");
  results.erase("execution");
  return results.dump();
}

class Study : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new StudyFolder();
    threads_ = at::get_num_threads();
    at::set_num_threads(1);
    run_study(folder_->config("one"), {"test", "", ""}, no_progress());
    at::set_num_threads(2);
    run_study(folder_->config("two"), {"test", "", ""}, no_progress());
    at::set_num_threads(threads_);
    results_ = new Json(read_json(folder_->path() / "one/results.json"));
  }
  static void TearDownTestSuite() {
    delete results_;
    delete folder_;
  }
  static StudyFolder* folder_;
  static Json* results_;
  static int threads_;
};
StudyFolder* Study::folder_ = nullptr;
Json* Study::results_ = nullptr;
int Study::threads_ = 0;

TEST_F(Study, GivesTheSameBytesForOneAndTwoThreads) {
  // Compared as wholes: printing the difference would bury the answer.
  EXPECT_TRUE(without_execution(folder_->path() / "one") == without_execution(folder_->path() / "two"));
  EXPECT_TRUE(read_file(folder_->path() / "one/arrays.safetensors") ==
              read_file(folder_->path() / "two/arrays.safetensors"));
}

TEST_F(Study, WritesResultsThatFollowTheirSchema) {
  EXPECT_NO_THROW(validate_results(*results_));
  for (const char* name : {"results.json", "arrays.safetensors", "report.md", "report.html"}) {
    EXPECT_TRUE(std::filesystem::is_regular_file(folder_->path() / "one" / name)) << name;
  }
}

TEST_F(Study, MeasuresSomethingInEverySection) {
  const Json& r = *results_;
  EXPECT_EQ(r["texts"].size(), 5u);
  EXPECT_EQ(r["lens"]["energy_mean"].size(), 13u);
  EXPECT_LT(r["lens"]["last_layer_max_difference"].get<double>(), 1e-4);
  ASSERT_EQ(r["efas"].size(), 2u);
  EXPECT_GT(r["efas"][0]["tested"].get<int>(), 0);
  EXPECT_TRUE(r["efas"][0]["underpowered"].get<bool>());
  EXPECT_EQ(r["efas"][0]["passes_both_nulls"].get<int>(), 0);
  EXPECT_GT(r["interventions"]["edits"].size(), 4u);
  EXPECT_TRUE(r["interventions"]["identity_bitwise"].get<bool>());
  EXPECT_EQ(r["attractors"]["prompts"].get<int>(), 12);
  EXPECT_FALSE(r["warnings"].empty());
}

// One text, one perplexity, whichever command is asked.
TEST_F(Study, TextsHaveThePerplexityThatTheLensGives) {
  LensConfig lens;
  lens.model = folder_->config("unused").model;
  lens.layers = {12};
  for (const Json& text : (*results_)["texts"]) {
    lens.text = {text["text"].get<std::string>()};
    lens.bos = text["bos"].get<bool>();
    const Json again = run_lens(lens)["texts"][0];
    EXPECT_EQ(text["token_ids"], again["token_ids"]);
    EXPECT_EQ(text["scored_tokens"], again["scored_tokens"]);
    EXPECT_EQ(text["scored_tokens"], text["token_ids"].size() - 1);
    EXPECT_DOUBLE_EQ(text["nll"].get<double>(), again["nll"].get<double>());
    EXPECT_DOUBLE_EQ(text["perplexity"].get<double>(), again["perplexity"].get<double>());
  }
}

// At the last layer no block follows, so lens gradient and full gradient are one: their predictions must agree.
TEST_F(Study, BothGradientsPredictTheSameAtTheLastLayer) {
  int compared = 0;
  for (const Json& edit : (*results_)["interventions"]["edits"]) {
    if (edit["layer"] != 12) continue;
    ++compared;
    const double full = edit["predicted"].get<double>(), lens = edit["predicted_lens"].get<double>();
    EXPECT_NEAR(full, lens, 1e-3 * (1 + std::abs(full)));
  }
  EXPECT_GT(compared, 0);
}

TEST_F(Study, SmallDosesAreFirstOrder) {
  int compared = 0;
  for (const Json& point : (*results_)["interventions"]["dose_response"]) {
    if (std::abs(point["dose"].get<double>()) > 0.011) continue;
    ++compared;
    EXPECT_NEAR(point["slope"].get<double>(), 1.0, 0.1) << point;
    EXPECT_GT(point["r2"].get<double>(), 0.95) << point;
  }
  EXPECT_EQ(compared, 2);  // one dose of 1 % a layer
}

TEST_F(Study, IntegratedGradientsAccountForAblations) {
  const Json& rows = (*results_)["interventions"]["integrated"];
  ASSERT_EQ(rows.size(), 2u);
  for (const Json& row : rows) {
    EXPECT_GT(row["n"].get<int>(), 0);
    EXPECT_EQ(row["documents"], 2);
    EXPECT_LT(row["missed"].get<double>(), 0.02) << row;
  }
}

// What is added to the gradient's prediction is a mean square.
TEST_F(Study, SecondOrderPredictionsLieAboveFirstOrderOnes) {
  for (const Json& edit : (*results_)["interventions"]["edits"]) {
    EXPECT_GT(edit["predicted_second_order"].get<double>(), edit["predicted"].get<double>());
  }
}

TEST_F(Study, EveryFeatureHasItsImportanceAndEveryKindOfEdit) {
  std::map<std::pair<int, int>, std::set<double>> importance;
  std::set<std::string> kinds;
  for (const Json& edit : (*results_)["interventions"]["edits"]) {
    const std::pair feature(edit["layer"].get<int>(), edit["feature"].get<int>());
    importance[feature].insert(edit["importance"].get<double>());
    kinds.insert(edit["kind"].get<std::string>());
    if (edit["kind"] == "steer-all") {
      EXPECT_EQ(edit["documents"], 4);
    }
  }
  EXPECT_THAT(kinds, ::testing::ElementsAre("clamp", "scale", "steer", "steer-all", "zero"));
  EXPECT_FALSE(importance.empty());
  for (const auto& [feature, values] : importance) {
    EXPECT_EQ(values.size(), 1u);  // of the feature, whatever the edit
    EXPECT_GT(*values.begin(), 0.0);
  }
}

// Q is the KL of an ablation to second order: of its size, though labels are drawn and curvature is not all.
TEST_F(Study, ImportanceIsOfTheSizeOfAnAblationsDivergence) {
  double importance = 0.0, divergence = 0.0;
  for (const Json& edit : (*results_)["interventions"]["edits"]) {
    if (edit["kind"] != "zero") continue;
    importance += edit["importance"].get<double>();
    divergence += edit["kl"].get<double>();
  }
  EXPECT_GT(importance / divergence, 0.2);
  EXPECT_LT(importance / divergence, 5.0);
}

TEST_F(Study, EveryTestedFeatureHasItsNormFreeScore) {
  int compared = 0;
  for (const Json& layer : (*results_)["efas"]) {
    for (const Json& feature : layer["features"]) {
      ++compared;
      EXPECT_LE(std::abs(feature["efas_n"].get<double>()), 1.0);
      EXPECT_NE(feature["efas_n"], feature["efas_rb_within"]);
    }
  }
  EXPECT_GT(compared, 0);
}

TEST_F(Study, EveryTestedFeatureIsReadInOtherWays) {
  int compared = 0;
  for (const Json& layer : (*results_)["efas"]) {
    EXPECT_EQ(layer["shifts"], 99);
    for (const Json& feature : layer["features"]) {
      ++compared;
      EXPECT_GE(feature["p_shift"].get<double>(), 0.01);
      EXPECT_LE(feature["p_shift"].get<double>(), 1.0);
      const double partial = feature["efas_rb_partial"].get<double>();
      EXPECT_GE(partial, feature["efas_rb_partial_ci"][0].get<double>() - 0.1);
      EXPECT_LE(partial, feature["efas_rb_partial_ci"][1].get<double>() + 0.1);
      std::set<double> readings;
      for (const char* name : {"efas_rb_within", "efas_rb_partial", "efas_active", "efas_point_biserial",
                               "efas_spearman", "efas_gradient_norm"}) {
        const double r = feature[name].get<double>();
        EXPECT_LE(std::abs(r), 1.0) << name;
        readings.insert(r);
      }
      EXPECT_EQ(readings.size(), 6u);  // each says something of its own
    }
  }
  EXPECT_GT(compared, 0);
}

TEST_F(Study, EveryRegisteredStatementHasItsRow) {
  const Json& rows = (*results_)["hypotheses"];
  ASSERT_EQ(rows.size(), 8u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["id"], "H" + std::to_string(i + 1));
    EXPECT_THAT(rows[i]["verdict"].get<std::string>(),
                ::testing::AnyOf("supported", "refuted", "underpowered", ::testing::StartsWith("not run: ")));
  }
  EXPECT_EQ(rows[0]["verdict"], "underpowered");
  EXPECT_EQ(rows[0]["n"].get<int>(),
            (*results_)["efas"][0]["tested_b"].get<int>() + (*results_)["efas"][1]["tested_b"].get<int>());
  EXPECT_EQ(rows[0]["permutations"], 199);
  EXPECT_EQ(rows[3]["documents"], 4);
  EXPECT_LE(rows[3]["ci"][0].get<double>(), rows[3]["value"].get<double>());
  EXPECT_GE(rows[3]["ci"][1].get<double>(), rows[3]["value"].get<double>());
  EXPECT_EQ(rows[5]["n"], 6);
}

TEST_F(Study, SaysWhatBecameOfTheCorpus) {
  const Json& corpus = (*results_)["corpus"];
  EXPECT_EQ(corpus["documents_read"], 143);
  EXPECT_EQ(corpus["documents_repeated"], 2);
  EXPECT_GE(corpus["documents_similar"].get<int>(), 1);  // the small grammar repeats itself, too
  EXPECT_EQ(corpus["documents"], 130);
  EXPECT_EQ((*results_)["run"]["parameters_digest"].get<std::string>().size(), 64u);
}

TEST_F(Study, HeldOutVarianceIsOfDocumentsOutsideTheTrainingSplit) {
  const SafetensorsFile arrays = SafetensorsFile::open(folder_->path() / "one/arrays.safetensors");
  EXPECT_EQ(arrays.view("layer.8.atoms").size(0), 24);
  const Json& splits = (*results_)["corpus"]["splits"];
  const Json& d = (*results_)["dictionaries"][0];
  EXPECT_EQ(d["train_rows"].get<int>(), splits["S"]["documents"].get<int>() * 46);
  EXPECT_EQ(d["heldout_rows"].get<int>(), splits["A"]["documents"].get<int>() * 46);
  EXPECT_GT(d["ev"].get<double>(), d["random_ev"].get<double>());
}

// Counts stages, and cancels when the one asked for begins.
class CancelAt : public Progress {
 public:
  explicit CancelAt(int stage = 0) : stage_(stage) {}
  void begin(std::string_view, std::int64_t) override {
    if (++begun_ == stage_) cancel();
  }
  int begun() const { return begun_; }

 private:
  int stage_, begun_ = 0;
};

// As few numbers as a study can have, on a model of two narrow blocks: the test runs one for each stage.
StudyConfig smallest(const StudyFolder& folder, const std::string& out) {
  StudyConfig config = folder.config(out);
  Json shape = read_json(config.model + "/config.json");
  shape["n_layer"] = 2;
  shape["n_embd"] = 32;
  shape["n_head"] = 2;
  write_file(folder.path() / "narrow/config.json", shape.dump());
  config.tokenizer = config.model;
  config.model = (folder.path() / "narrow").string();
  config.random_weights = 1;
  config.layers = {1};
  config.text = {"a b c"};
  config.window = 16;
  config.documents = 16;
  config.atoms = 4;
  config.active = 1;
  config.iterations = 1;
  config.permutations = 99;
  config.edited_features = 1;
  config.edited_documents = 2;
  config.prompts = 4;
  config.cycle_window = 4;
  config.cycle_steps = 4;
  return config;
}

TEST(StudyInterrupted, StopsCleanlyInEveryStageAndWritesNothing) {
  const StudyFolder folder;
  CancelAt counted;
  run_study(smallest(folder, "whole"), {"test", "", ""}, counted);
  EXPECT_GT(counted.begun(), 10);
  for (int stage = 1; stage <= counted.begun(); ++stage) {
    const StudyConfig config = smallest(folder, "cancelled");
    CancelAt progress(stage);
    try {
      run_study(config, {"test", "", ""}, progress);
      FAIL() << "ran to the end, cancelled in stage " << stage;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Interrupted);
    }
    EXPECT_FALSE(std::filesystem::exists(config.out)) << stage;
    std::filesystem::remove_all(config.out + ".unfinished");
  }
}

// What was finished is not done again, and the end is that of a study that was never stopped.
TEST(StudyInterrupted, GoesOnWhereItWasStopped) {
  const StudyFolder folder;
  CancelAt whole;
  run_study(smallest(folder, "whole"), {"test", "", ""}, whole);
  const StudyConfig config = smallest(folder, "stopped");
  CancelAt late(whole.begun() - 1), rest;
  EXPECT_THROW(run_study(config, {"test", "", ""}, late), Error);
  EXPECT_TRUE(std::filesystem::exists(config.out + ".unfinished"));
  run_study(config, {"test", "", ""}, rest);
  EXPECT_LT(rest.begun(), whole.begun());
  EXPECT_FALSE(std::filesystem::exists(config.out + ".unfinished"));
  EXPECT_TRUE(without_execution(folder.path() / "stopped") == without_execution(folder.path() / "whole"));
}

TEST(StudyInterrupted, PartsOfOtherParametersAreNeitherUsedNorLost) {
  const StudyFolder folder;
  CancelAt whole;
  run_study(smallest(folder, "whole"), {"test", "", ""}, whole);
  StudyConfig config = smallest(folder, "stopped");
  config.seed = 5;
  CancelAt progress(whole.begun() - 1);
  EXPECT_THROW(run_study(config, {"test", "", ""}, progress), Error);
  config.seed = smallest(folder, "stopped").seed;
  try {
    run_study(config, {"test", "", ""}, no_progress());
    FAIL() << "took the place of another study's parts";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_NE(std::string(error.what()).find("choose another --out"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(std::filesystem::exists(config.out + ".unfinished"));
  config.seed = 5;
  run_study(config, {"test", "", ""}, no_progress());
  EXPECT_FALSE(std::filesystem::exists(config.out + ".unfinished"));
}

TEST(StudyConfigCheck, NamesWhatIsWrong) {
  const StudyFolder folder;
  const auto refusal = [&](auto change) {
    StudyConfig config = folder.config("refused");
    change(config);
    try {
      run_study(config, {"test", "", ""}, no_progress());
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(refusal([](StudyConfig& c) { c.layers = {8, 13}; }).find("layers 0 to 12 of this model"),
            std::string::npos);
  EXPECT_NE(refusal([](StudyConfig& c) { c.window = 4000; }).find("context"), std::string::npos);
  EXPECT_NE(refusal([](StudyConfig& c) { c.window = 400; }).find("documents with at least 400 tokens"),
            std::string::npos);
  EXPECT_NE(refusal([](StudyConfig& c) { c.atoms = 60000; }).find("lower --atoms"), std::string::npos);
  EXPECT_NE(refusal([](StudyConfig& c) { c.out = c.corpus; }).find("expected a folder"), std::string::npos);
  EXPECT_NE(refusal([](StudyConfig& c) { c.dtype = "int3"; }).find("--dtype"), std::string::npos);
}

TEST(StudyConfigFile, RoundTripsAndRefusesWhatItDoesNotKnow) {
  StudyConfig config;
  config.layers = {1, 2};
  config.seed = 7;
  StudyConfig read;
  apply_config_json(read, config_to_json(config));
  EXPECT_EQ(config_to_json(read), config_to_json(config));
  apply_config_json(read, {{"layers", "all"}});
  EXPECT_TRUE(read.layers.empty());
  EXPECT_EQ(config_to_json(read)["layers"], "all");
  EXPECT_THROW(apply_config_json(read, {{"layers", Json::array()}}), Error);
  EXPECT_THROW(apply_config_json(read, {{"layers", "some"}}), Error);
  EXPECT_THROW(apply_config_json(read, {{"sed", 3}}), Error);
  EXPECT_THROW(apply_config_json(read, {{"seed", "three"}}), Error);
}

}  // namespace
}  // namespace energy_lens
