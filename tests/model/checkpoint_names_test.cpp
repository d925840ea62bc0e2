// Names under which checkpoints keep the same tensors: every prefix a family knows, tied unembeddings kept, left out or
// kept twice, shards that are not there.
#include <gtest/gtest.h>

#include "energy_lens/core/error.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/model/families/registry.h"
#include "tests/support/family_configs.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, at::Tensor>;

// Keeps what it draws, by name.
class KeptWeights : public WeightSource {
 public:
  void fill(const std::string& name, const at::Tensor& out) const override {
    drawn_->fill(name, out);
    tensors[name] = out.clone();
  }
  std::string digest() const override { return ""; }
  void check_all_used(const std::vector<std::string>&) const override {}
  mutable Tensors tensors;

 private:
  std::unique_ptr<WeightSource> drawn_ = random_weights(7, 0.15);
};

class CheckpointNames : public ::testing::TestWithParam<std::string> {
 protected:
  CheckpointNames() : folder_(GetParam()), config_(read_model_config(folder_.path())) {
    const KeptWeights source;
    family_named(GetParam()).load(source, config_, at::kFloat);
    tensors_ = source.tensors;
  }
  const Family& family() const { return family_named(GetParam()); }
  std::string head() const { return GetParam() == "gpt_neox" ? "embed_out.weight" : "lm_head.weight"; }

  at::Tensor logits_of(const Tensors& tensors) const {
    write_safetensors(folder_.path() / "model.safetensors", tensors);
    return load_model(folder_.path())->forward(pad_right({testing::random_ids(20, 50)})).logits;
  }
  at::Tensor expected() const {
    return testing::random_family_model(GetParam())->forward(pad_right({testing::random_ids(20, 50)})).logits;
  }
  std::string refusal_of(const Tensors& tensors) const {
    try {
      logits_of(tensors);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput);
      return error.what();
    }
    return "accepted";
  }

  testing::FamilyFolder folder_;
  ModelConfig config_;
  Tensors tensors_;
};

TEST_P(CheckpointNames, AreFoundBehindEveryPrefix) {
  const at::Tensor logits = expected();
  for (const std::string& prefix : family().prefixes) {
    Tensors renamed;
    for (const auto& [name, tensor] : tensors_) renamed[name == head() ? name : prefix + name] = tensor;
    EXPECT_TRUE(at::equal(logits_of(renamed), logits)) << prefix;
  }
}

TEST_P(CheckpointNames, OfAnUnembeddingAreReadWhereItIsNotTied) {
  Tensors changed = tensors_;
  if (config_.tied_unembed) {  // the second copy is passed over, as in the reference
    EXPECT_FALSE(tensors_.contains(head()));
    changed[head()] = at::zeros({config_.d_vocab, config_.d_model});
    EXPECT_TRUE(at::equal(logits_of(changed), expected()));
  } else {
    EXPECT_EQ(changed.erase(head()), 1u);
    EXPECT_NE(refusal_of(changed).find("no tensor '" + head() + "'"), std::string::npos);
  }
}

TEST_P(CheckpointNames, ThatNobodyAsksForOrFindsAreRefused) {
  Tensors more = tensors_;
  more["layers.0.unheard.of.weight"] = at::zeros({3});
  EXPECT_NE(refusal_of(more).find("unheard.of"), std::string::npos);
  const std::string gone = tensors_.begin()->first;
  Tensors fewer = tensors_;
  fewer.erase(gone);
  EXPECT_NE(refusal_of(fewer).find(gone), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, CheckpointNames, ::testing::ValuesIn(testing::family_names()),
                         [](const auto& info) { return info.param; });

class Shards : public ::testing::Test {
 protected:
  void write(const std::string& first, const std::string& second) const {
    Tensors parts[2];
    Json index = {{"metadata", Json::object()}, {"weight_map", Json::object()}};
    for (const auto& [name, tensor] : testing::tiny_weights({})) {
      const std::size_t part = name.starts_with("h.") ? 1 : 0;
      parts[part][name] = tensor;
      index["weight_map"][name] = part == 0 ? "a.safetensors" : "b.safetensors";
    }
    write_file(folder_ / "config.json", testing::tiny_config({}).dump());
    write_file(folder_ / "model.safetensors.index.json", index.dump());
    if (!first.empty()) write_safetensors(folder_ / first, parts[0]);
    if (!second.empty()) write_safetensors(folder_ / second, parts[1]);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_ = fs::temp_directory_path() / ("el_shards_" + std::to_string(::getpid()));
};

TEST_F(Shards, TogetherAreTheModel) {
  write("a.safetensors", "b.safetensors");
  EXPECT_EQ(load_model(folder_)->config().n_layers, 3);
}

TEST_F(Shards, ThatAreNotThereAreNamed) {
  write("a.safetensors", "");
  try {
    load_model(folder_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput) << "the model's folder is there, and not whole";
    EXPECT_NE(std::string(error.what()).find("b.safetensors"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace energy_lens
