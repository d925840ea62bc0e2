// The forward pass on an accelerator against the CPU's, for every family. Skipped, saying why, where there is none.
#include <gtest/gtest.h>

#include "energy_lens/model/placement.h"
#include "energy_lens/model/transformer.h"
#include "tests/support/family_configs.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

using testing::random_ids;

// What is allowed against the reference implementation too: sums of at most 80 terms in another order.
constexpr double kTolerance = 5e-5;

std::shared_ptr<const Model> drawn(const std::string& family, const std::string& device) {
  LoadOptions options;
  options.device = device;
  options.random = RandomInit{.seed = 7, .scale = 0.15};
  return load_model(testing::FamilyFolder(family).path(), options);
}

class OnAccelerator : public ::testing::Test {
 protected:
  void SetUp() override {
    devices_ = devices_named("auto");
    if (devices_.front().is_cpu()) GTEST_SKIP() << "this machine, or this libtorch, has neither CUDA nor MPS";
  }
  std::vector<at::Device> devices_;
};

// One device, and all there are.
TEST_F(OnAccelerator, LogitsOfEveryFamilyAreTheCpus) {
  const TokenBatch batch = pad_right({random_ids(40, 50), random_ids(7, 50)});
  for (const std::string& family : testing::family_names()) {
    const at::Tensor expected = drawn(family, "cpu")->forward(batch).logits;
    for (const std::string& device : {devices_.front().str(), std::string("auto")}) {
      const at::Tensor difference = (drawn(family, device)->forward(batch).logits - expected).abs();
      EXPECT_LE(difference[0].max().item<double>(), kTolerance) << family << " on " << device;
      EXPECT_LE(difference[1].narrow(0, 0, 7).max().item<double>(), kTolerance) << family << " on " << device;
    }
  }
}

TEST_F(OnAccelerator, GreedyTokensOfEveryFamilyAreTheCpus) {
  const std::vector<std::int64_t> prompt = random_ids(6, 50);
  for (const std::string& family : testing::family_names()) {
    EXPECT_EQ(generate_greedy(*drawn(family, "auto"), prompt, 30), generate_greedy(*drawn(family, "cpu"), prompt, 30))
        << family;
  }
}

}  // namespace
}  // namespace energy_lens
