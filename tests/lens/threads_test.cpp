#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "energy_lens/lens/streams.h"
#include "energy_lens/lens/text_lens.h"
#include "tests/support/tiny_model.h"

namespace energy_lens {
namespace {

TextLens lens_with_threads(const Model& model, const std::vector<std::int64_t>& ids, int threads) {
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  TextLens lens = lens_of_text(model, ids, every_layer(model), {.gradient = true, .expected_gradient = true});
  at::set_num_threads(before);
  return lens;
}

// The demo model: its vocabulary is long enough for products to be cut between threads.
TEST(TextLensThreads, NumberOfThreadsChangesNoBit) {
  const auto model = load_model(EL_SOURCE_DIR "/models/demo");
  const auto ids = testing::random_ids(100, model->config().d_vocab);
  const TextLens one = lens_with_threads(*model, ids, 1), two = lens_with_threads(*model, ids, 2);
  EXPECT_EQ(one.nll, two.nll);
  for (std::size_t layer = 0; layer < one.rows.size(); ++layer) {
    EXPECT_TRUE(at::equal(one.resid[layer], two.resid[layer])) << layer;
    for (const auto member : {&LensRows::energy, &LensRows::entropy, &LensRows::kl_to_final, &LensRows::gradient,
                              &LensRows::expected_gradient}) {
      EXPECT_TRUE(at::equal(one.rows[layer].*member, two.rows[layer].*member)) << layer;
    }
  }
}

}  // namespace
}  // namespace energy_lens
