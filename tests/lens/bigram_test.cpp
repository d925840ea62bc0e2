// A GPT whose every layer is exactly a bigram table: one-hot embeddings, blocks that add nothing, and an unembedding
// that undoes the norm, W_U[u, v] = sigma log P[u | v] with sigma^2 = (1 - 1/V) / V + eps.
#include <gtest/gtest.h>

#include <cmath>

#include "energy_lens/lens/reference_block.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::random_tensor;

constexpr std::int64_t kVocabulary = 24;
constexpr double kEps = 1e-5;

class BigramGpt : public ::testing::Test {
 protected:
  BigramGpt() {
    unembed_.eps = kEps;
    unembed_.gamma = at::ones({kVocabulary}, at::kDouble);
    unembed_.beta = at::full({kVocabulary}, 1.0 / (kVocabulary * sigma_), at::kDouble);
    unembed_.w_u = sigma_ * log_p_.t().contiguous();
    // Every token stands once as a source, so that every row of P is read.
    for (std::int64_t token = 0; token < kVocabulary; ++token) ids_.push_back(token);
    const std::vector<std::int64_t> more = random_ids(30, kVocabulary);
    ids_.insert(ids_.end(), more.begin(), more.end());
  }

  // The same as a checkpoint, weights in fp32.
  std::shared_ptr<const Model> model() const {
    const testing::TinyShape shape{.width = kVocabulary, .vocabulary = kVocabulary, .zero_blocks = true};
    auto weights = testing::tiny_weights(shape);
    weights["wte.weight"] = at::eye(kVocabulary);
    weights["wpe.weight"].zero_();
    weights["ln_f.weight"] = unembed_.gamma.to(at::kFloat);
    weights["ln_f.bias"] = unembed_.beta.to(at::kFloat);
    weights["lm_head.weight"] = unembed_.w_u.to(at::kFloat);
    Json config = testing::tiny_config(shape);
    config["tie_word_embeddings"] = false;
    const testing::TinyFolder folder;
    write_file(folder.path() / "config.json", config.dump());
    write_safetensors(folder.path() / "model.safetensors", weights);
    return load_model(folder.path());
  }

  // log P[. | ids[i]] of every position with a target: [T - 1, V].
  at::Tensor expected() const { return log_p_.index_select(0, at::tensor(ids_)).narrow(0, 0, std::ssize(ids_) - 1); }

  const double sigma_ = std::sqrt((1.0 - 1.0 / kVocabulary) / kVocabulary + kEps);
  const at::Tensor log_p_ =
      at::log_softmax(random_tensor("bigram", {kVocabulary, kVocabulary}, 2.0).to(at::kDouble), -1);  // [v, u]
  Unembed unembed_;                                                                                   // fp64
  std::vector<std::int64_t> ids_;
};

double largest(const at::Tensor& difference) { return difference.abs().max().item<double>(); }

TEST_F(BigramGpt, EveryLayerGivesWholeRowsOfTheTableAndFreeEnergyZero) {
  const auto gpt = model();
  std::vector<at::Tensor> streams;
  for (const at::Tensor& stream : capture_streams(*gpt, pad_right({ids_}), every_layer(*gpt)).resid) {
    streams.push_back(stream[0].narrow(0, 0, std::ssize(ids_) - 1).to(at::kDouble));
  }
  ASSERT_EQ(streams.size(), 4u);
  const at::Tensor targets = at::tensor(ids_).narrow(0, 1, std::ssize(ids_) - 1);
  const auto layers = lens_rows(streams, targets, unembed_, {.top_k = kVocabulary});
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const LensRows& rows = layers[layer];
    const at::Tensor log_probs = at::zeros_like(expected()).scatter(1, rows.top_ids, rows.top_log_probs);
    EXPECT_LT(largest(log_probs - expected()), 1e-12) << layer;
    EXPECT_LT(largest(rows.energy + expected().gather(1, targets.unsqueeze(1)).squeeze(1)), 1e-12) << layer;
    EXPECT_LT(largest(rows.entropy + (expected().exp() * expected()).sum(1)), 1e-12) << layer;
    // The raw free energy is 0, so the gauge-fixed one is the mean logit.
    EXPECT_LT(largest(lens_logits(streams[layer], unembed_).log_norm), 1e-12) << layer;
    EXPECT_LT(largest(rows.free_energy - expected().mean(1)), 1e-12) << layer;
  }
}

// Logits of at most 12 made of 24 products in fp32: 25 * 2^-24 * 12 = 2e-5.
TEST_F(BigramGpt, TheModelAndItsLensInSinglePrecisionAgreeWithTheTable) {
  const auto gpt = model();
  const at::Tensor logits = gpt->forward(pad_right({ids_})).logits[0].narrow(0, 0, std::ssize(ids_) - 1);
  EXPECT_LT(largest(logits.to(at::kDouble).log_softmax(-1) - expected()), 2e-5);
  const at::Tensor targets = at::tensor(ids_).narrow(0, 1, std::ssize(ids_) - 1).unsqueeze(1);
  for (const LensRows& rows : lens_of_text(*gpt, ids_, every_layer(*gpt)).rows) {
    EXPECT_LT(largest(rows.energy.to(at::kDouble) + expected().gather(1, targets).squeeze(1)), 2e-5);
  }
}

}  // namespace
}  // namespace energy_lens
