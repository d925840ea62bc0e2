#include "energy_lens/model/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

using Bytes = std::vector<std::int64_t>;
using Plan = std::vector<std::size_t>;

// How full the fullest device is.
double fullness(const Plan& plan, const Bytes& blocks, std::int64_t embedding, const Bytes& devices) {
  std::vector<double> used(devices.size(), 0.0);
  used[0] = static_cast<double>(embedding);
  for (std::size_t block = 0; block < blocks.size(); ++block) used[plan[block]] += static_cast<double>(blocks[block]);
  double fullest = 0.0;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    fullest = std::max(fullest, used[i] / static_cast<double>(devices[i]));
  }
  return fullest;
}

// The least fullness over every cut of the blocks into one run a device.
double least_fullness(Plan& plan, const Bytes& blocks, std::int64_t embedding, const Bytes& devices) {
  if (plan.size() == blocks.size()) return fullness(plan, blocks, embedding, devices);
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t device = plan.empty() ? 0 : plan.back(); device < devices.size(); ++device) {
    plan.push_back(device);
    least = std::min(least, least_fullness(plan, blocks, embedding, devices));
    plan.pop_back();
  }
  return least;
}

TEST(Placement, EqualDevicesShareEqualBlocksEvenly) {
  EXPECT_EQ(plan_blocks({10, 10, 10, 10, 10, 10}, 0, {1000, 1000, 1000}), (Plan{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(plan_blocks({10, 10, 10, 10}, 20, {1000, 1000}), (Plan{0, 1, 1, 1}));
  EXPECT_EQ(plan_blocks({10, 10, 10}, 0, {2000, 1000}), (Plan{0, 0, 1}));
  EXPECT_EQ(plan_blocks({10, 10}, 0, {1000}), (Plan{0, 0}));
  EXPECT_TRUE(plan_blocks({}, 10, {1000}).empty());
}

TEST(Placement, NoOtherCutLeavesTheFullestDeviceEmptier) {
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    Philox random(3, "placement", trial);
    Bytes blocks(1 + random.below(7)), devices(1 + random.below(3));
    for (std::int64_t& bytes : blocks) bytes = 1 + static_cast<std::int64_t>(random.below(100));
    for (std::int64_t& bytes : devices) bytes = 200 + static_cast<std::int64_t>(random.below(2000));
    const auto embedding = static_cast<std::int64_t>(random.below(100));
    Plan scratch;
    const double least = least_fullness(scratch, blocks, embedding, devices);
    if (least > 0.9) {
      EXPECT_THROW(plan_blocks(blocks, embedding, devices), Error) << trial;
      continue;
    }
    const Plan plan = plan_blocks(blocks, embedding, devices);
    ASSERT_EQ(plan.size(), blocks.size());
    EXPECT_TRUE(std::ranges::is_sorted(plan));
    EXPECT_NEAR(fullness(plan, blocks, embedding, devices), least, 1e-9) << trial;
  }
}

TEST(Placement, TooLittleMemoryIsRefusedWithBothSizes) {
  try {
    plan_blocks({5'000'000'000, 5'000'000'000}, 1'000'000'000, {4'000'000'000, 4'000'000'000});
    FAIL() << "expected a refusal";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Resource);
    EXPECT_NE(std::string(error.what()).find("11000 MB"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("8000 MB"), std::string::npos) << error.what();
  }
}

// The meta device stands for an accelerator: tensors can be sent to it, and it says where they are.
TEST(Placement, BlocksMoveAndTheUnembeddingStays) {
  ModelWeights weights;
  weights.embed = at::zeros({50, 8});
  weights.unembed.w_u = weights.embed;
  weights.unembed.gamma = at::ones({8});
  for (int block = 0; block < 4; ++block) {
    BlockWeights& w = weights.blocks.emplace_back();
    w.qkv.w = at::zeros({8, 24});
    w.experts.routed.push_back({{at::zeros({8, 4}), {}}, {at::zeros({2, 8}), {}}});
  }
  const at::Device cpu(at::kCPU), meta(at::kMeta);
  // Embedding 1600 bytes, blocks of 960: the second device takes three of four.
  place(weights, {cpu, meta}, {100'000, 100'000});
  EXPECT_EQ(weights.embed.device(), cpu);
  EXPECT_EQ(weights.unembed.w_u.device(), cpu);
  for (std::size_t block = 0; block < 4; ++block) {
    const at::Device expected = block < 1 ? cpu : meta;
    EXPECT_EQ(weights.blocks[block].qkv.w.device().type(), expected.type()) << block;
    EXPECT_EQ(weights.blocks[block].experts.routed[0].out.w.device().type(), expected.type()) << block;
  }
}

TEST(Placement, NamesOfDevices) {
  EXPECT_EQ(devices_named("cpu"), std::vector<at::Device>{at::Device(at::kCPU)});
  EXPECT_FALSE(devices_named("auto").empty());
  for (const char* bad : {"", "gpu", "cpu:x", "cuda:-2", "meta"}) EXPECT_THROW(devices_named(bad), Error) << bad;
}

TEST(Placement, AbsentAcceleratorsAreRefused) {
  if (!devices_named("auto")[0].is_cpu()) GTEST_SKIP() << "this machine has an accelerator";
  for (const char* absent : {"cuda", "cuda:1", "mps"}) {
    try {
      devices_named(absent);
      FAIL() << absent;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::NotFound) << absent;
    }
  }
}

}  // namespace
}  // namespace energy_lens
