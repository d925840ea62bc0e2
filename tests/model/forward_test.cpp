#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <thread>

#include "energy_lens/core/error.h"
#include "energy_lens/model/model.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;
using testing::tiny_model;

struct Recorder : Observer {
  bool wants(const SiteRef&) const override { return true; }
  void observe(const SiteRef& site, const at::Tensor& value, const TokenBatch&) override {
    order.push_back(site);
    values[site] = value.clone();
  }
  std::vector<SiteRef> order;
  std::map<SiteRef, at::Tensor> values;
};

struct Identity : Editor {
  bool edits(const SiteRef&) const override { return true; }
  at::Tensor edit(const SiteRef&, const at::Tensor& value, const TokenBatch&) override { return value; }
};

at::Tensor logits_of(const Model& model, const std::vector<std::vector<std::int64_t>>& sequences) {
  return model.forward(pad_right(sequences)).logits;
}

TEST(Forward, BatchPaddingAndThreadsChangeNoBit) {
  const auto model = tiny_model();
  const std::vector<std::vector<std::int64_t>> sequences = {random_ids(130, 50, 1), random_ids(7, 50, 2),
                                                            random_ids(64, 50, 3), random_ids(1, 50, 4)};
  const at::Tensor together = logits_of(*model, sequences);
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(logits_of(*model, sequences), together)) << count << " threads";
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const at::Tensor alone = logits_of(*model, {sequences[i]})[0];
      EXPECT_TRUE(at::equal(alone, together[static_cast<std::int64_t>(i)].narrow(0, 0, alone.size(0))))
          << "sequence " << i << " with " << count << " threads";
    }
  }
  at::set_num_threads(threads);
}

TEST(Forward, LaterTokensCannotChangeEarlierLogits) {
  const auto model = tiny_model();
  std::vector<std::int64_t> ids = random_ids(100, 50);
  const at::Tensor before = logits_of(*model, {ids})[0];
  ids[70] = (ids[70] + 1) % 50;
  const at::Tensor after = logits_of(*model, {ids})[0];
  EXPECT_TRUE(at::equal(before.narrow(0, 0, 70), after.narrow(0, 0, 70)));
  EXPECT_FALSE(at::equal(before[70], after[70]));
}

TEST(Forward, WatchingAndEditingWithoutChangeChangeNoBit) {
  const auto model = tiny_model();
  const TokenBatch batch = pad_right({random_ids(70, 50), random_ids(9, 50, 1)});
  const at::Tensor plain = model->forward(batch).logits;
  Recorder recorder;
  Identity identity;
  ForwardOptions options;
  options.observer = &recorder;
  EXPECT_TRUE(at::equal(model->forward(batch, options).logits, plain));
  EXPECT_EQ(recorder.order, all_sites(model->config().n_layers));
  options.editor = &identity;
  EXPECT_TRUE(at::equal(model->forward(batch, options).logits, plain));
}

TEST(Forward, SitesObeyTheIdentitiesOfABlock) {
  const auto model = tiny_model();
  const TokenBatch batch = pad_right({random_ids(70, 50)});
  Recorder r;
  ForwardOptions options;
  options.observer = &r;
  model->forward(batch, options);
  for (std::int64_t layer = 0; layer < model->config().n_layers; ++layer) {
    const auto at_site = [&](Site site) { return r.values.at({site, layer}); };
    // fp32 sums of 70 terms of order 1: 70 * 2^-24 * a few.
    EXPECT_TRUE(at::allclose(at::matmul(at_site(Site::Pattern), at_site(Site::V).transpose(1, 2)).transpose(1, 2),
                             at_site(Site::Z), 0, 2e-5));
    EXPECT_TRUE(
        at::equal(at_site(Site::ResidPre) + at_site(Site::AttnOut) + at_site(Site::MlpOut), at_site(Site::ResidPost)));
    EXPECT_TRUE(at::allclose(at_site(Site::Pattern).sum(-1), at::ones({1, 4, 70}), 0, 1e-5));
  }
}

TEST(Forward, RestartingFromAnyLayerGivesTheSameBits) {
  const auto model = tiny_model();
  const TokenBatch batch = pad_right({random_ids(90, 50)});
  Recorder r;
  ForwardOptions options;
  options.observer = &r;
  const ForwardResult whole = model->forward(batch, options);
  for (std::int64_t layer = 0; layer < model->config().n_layers; ++layer) {
    const at::Tensor resid = r.values.at({Site::ResidPre, layer});
    EXPECT_TRUE(at::equal(model->forward_from(layer, resid, batch).logits, whole.logits)) << layer;
  }
  EXPECT_TRUE(at::equal(model->forward_from(3, whole.resid, batch).logits, whole.logits));
}

TEST(Forward, RowKernelsAgreeWithTensorOperators) {
  const auto model = tiny_model();
  const TokenBatch batch = pad_right({random_ids(80, 50)});
  ForwardOptions differentiable, generic;
  differentiable.differentiable = true;
  generic.generic_kernels = true;
  const at::Tensor expected = model->forward(batch, differentiable).logits;
  EXPECT_LT((model->forward(batch).logits - expected).abs().max().item<float>(), 1e-4);
  EXPECT_LT((model->forward(batch, generic).logits - expected).abs().max().item<float>(), 1e-4);
}

TEST(Forward, ACacheChangesNoBit) {
  const auto model = tiny_model();
  const std::vector<std::int64_t> ids = random_ids(150, 50);
  const at::Tensor whole = logits_of(*model, {ids});
  KvCache cache;
  ForwardOptions cached;
  cached.cache = &cache;
  for (std::size_t begin = 0, count = 50; begin < ids.size(); begin += count, count = begin < 70 ? 10 : 1) {
    const std::vector<std::int64_t> part(ids.begin() + begin, ids.begin() + begin + count);
    const at::Tensor logits = model->forward(pad_right({part}), cached).logits;
    EXPECT_TRUE(at::equal(logits[0], whole[0].narrow(0, begin, count))) << begin;
  }
  cached.differentiable = true;
  EXPECT_THROW(model->forward(pad_right({{1}}), cached), Error);
}

struct Nested : Observer {
  explicit Nested(const Model& model) : model(model) {}
  bool wants(const SiteRef&) const override { return true; }
  void observe(const SiteRef&, const at::Tensor&, const TokenBatch&) override { model.forward(pad_right({{1, 2, 3}})); }
  const Model& model;
};

TEST(Forward, AnObserverMayRunTheModel) {
  const auto model = tiny_model();
  const TokenBatch batch = pad_right({random_ids(20, 50)});
  Nested nested(*model);
  ForwardOptions options;
  options.observer = &nested;
  EXPECT_TRUE(at::equal(model->forward(batch, options).logits, model->forward(batch).logits));
}

struct ThreadCounter : Observer {
  bool wants(const SiteRef&) const override { return true; }
  void observe(const SiteRef&, const at::Tensor&, const TokenBatch&) override {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    most = std::max<std::int64_t>(most, std::distance(begin(tasks), end(tasks)));
  }
  std::int64_t most = 0;
};

TEST(Forward, NoMoreThreadsRunThanAskedFor) {
  if (!std::filesystem::exists("/proc/self/task")) GTEST_SKIP() << "needs Linux's list of threads";
  const auto model = tiny_model();
  const TokenBatch batch = pad_right({random_ids(120, 50)});
  std::thread([] {}).join();  // with the first thread a sanitizer starts one of its own
  const int threads = at::get_num_threads();
  std::map<int, std::int64_t> running;
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    ThreadCounter counter;
    ForwardOptions options;
    options.observer = &counter;
    model->forward(batch, options);
    running[count] = counter.most;
  }
  at::set_num_threads(threads);
  // One is the caller's. Threads that other tests left behind are there both times.
  EXPECT_LE(running[2], running[1] + 1);
  EXPECT_GE(running[1], 1);
}

TEST(Forward, GreedyGenerationFollowsTheArgmaxOfAFullPass) {
  const auto model = tiny_model();
  const std::vector<std::int64_t> made = generate_greedy(*model, random_ids(5, 50), 20);
  ASSERT_EQ(made.size(), 25u);
  const at::Tensor best = logits_of(*model, {made})[0].argmax(-1);
  for (std::int64_t i = 4; i + 1 < 25; ++i) EXPECT_EQ(best[i].item<std::int64_t>(), made[i + 1]);
}

TEST(Forward, ZeroBlocksLeaveTheStreamAlone) {
  testing::TinyShape shape;
  shape.zero_blocks = true;
  const auto model = tiny_model(shape);
  Recorder r;
  ForwardOptions options;
  options.observer = &r;
  const ForwardResult result = model->forward(pad_right({random_ids(30, 50)}), options);
  EXPECT_TRUE(at::equal(result.resid, r.values.at({Site::ResidPre, 0})));
}

TEST(Forward, BadBatchesAreRefused) {
  const auto model = tiny_model();
  EXPECT_THROW(pad_right({{1, 2}, {}}), Error);
  EXPECT_THROW(model->forward(pad_right({{1, 50}})), Error);
  EXPECT_THROW(model->forward(pad_right({{1, -1}})), Error);
  EXPECT_THROW(model->forward(pad_right({random_ids(161, 50)})), Error);
}

TEST(Sites, NamesRoundTripAndUnknownOnesAreRefused) {
  for (const SiteRef& site : all_sites(12)) EXPECT_EQ(parse_site(site_name(site)), site);
  EXPECT_EQ(site_name({Site::ResidPre, 7}), "blocks.7.hook_resid_pre");
  for (const char* bad : {"", "blocks.x.hook_z", "blocks.1.", "blocks.-1.hook_resid_pre", "hook_resid_pre"}) {
    EXPECT_THROW(parse_site(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace energy_lens
