#include "energy_lens/dictionary/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/drawn_tensors.h"

namespace energy_lens {
namespace {

using testing::gaussian;
using testing::unit;

TEST(Metrics, MatchTheGoldenValues) {
  const at::Tensor x = at::tensor({2.0, 0.0, 0.0, 4.0}).view({2, 2});
  EXPECT_NEAR(reconstruction_metrics(x, at::tensor({2.0, 1.0, 0.0, 3.0}).view({2, 2})).ev, 0.8, 1e-12);
  EXPECT_NEAR(reconstruction_metrics(x, x.mean(0).expand({2, 2})).ev, 0.0, 1e-12);
  EXPECT_NEAR(reconstruction_metrics(x, x).ev, 1.0, 1e-12);
  const at::Tensor d = unit(gaussian("d", {12, 8}));
  EXPECT_NEAR(mean_max_cosine(d, d), 1.0, 1e-6);
  EXPECT_EQ(cross_entropy_recovered(3, 9, 3), 1.0);
  EXPECT_EQ(cross_entropy_recovered(3, 9, 9), 0.0);
  std::vector<std::int64_t> order = {3, 0, 2, 1, 5, 4, 11, 10, 9, 8, 7, 6};
  const at::Tensor permuted = d.index_select(0, at::tensor(order));
  EXPECT_EQ(best_assignment(at::mm(permuted, d.t())), order);
}

TEST(Metrics, AssignmentBeatsEveryPermutationOfASmallMatrix) {
  const at::Tensor similarity = gaussian("similarity", {6, 6});
  const auto total = [&](const std::vector<std::int64_t>& p) {
    double sum = 0;
    for (std::int64_t i = 0; i < 6; ++i) sum += similarity[i][p[i]].item<double>();
    return sum;
  };
  std::vector<std::int64_t> p = {0, 1, 2, 3, 4, 5};
  double best = -1e9;
  do best = std::max(best, total(p));
  while (std::next_permutation(p.begin(), p.end()));
  EXPECT_NEAR(total(best_assignment(similarity)), best, 1e-12);
}

}  // namespace
}  // namespace energy_lens
