#include "energy_lens/alignment/efas.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "efas_fixture.h"
#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

using testing::Planted;
using testing::planted_input;
using testing::small_options;

TEST(Efas, FindsThePlantedFeaturesAndNoOther) {
  const EfasResult result = compute_efas(planted_input({.rho = {0.35, -0.3, 0.25}}), small_options());
  ASSERT_EQ(result.tested, 30);
  for (const FeatureScore& score : result.scores) {
    const bool planted = score.feature < 3;
    EXPECT_EQ(score.test.max_t <= 0.05, planted) << score.feature;
    EXPECT_EQ(score.aligned, planted) << score.feature;
  }
  EXPECT_GT(result.scores[0].primary, 0.0);
  EXPECT_LT(result.scores[1].primary, 0.0);
}

TEST(Efas, IsTheSameForAnyNumberOfThreads) {
  const EfasInput input = planted_input({.documents = 30, .features = 40, .rho = {0.3}});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const EfasResult one = compute_efas(input, small_options());
  at::set_num_threads(2);
  const EfasResult two = compute_efas(input, small_options());
  at::set_num_threads(threads);
  ASSERT_EQ(one.scores.size(), two.scores.size());
  for (std::size_t i = 0; i < one.scores.size(); ++i) {
    EXPECT_EQ(testing::numbers(one.scores[i]), testing::numbers(two.scores[i])) << i;
  }
}

TEST(Efas, RefusesWhatItCannotScore) {
  EfasInput input = planted_input({.documents = 5, .features = 4});
  const auto kind_of = [](const EfasInput& bad, EfasOptions options = small_options()) {
    try {
      compute_efas(bad, options);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::Internal;
  };
  EfasInput bad = input;
  bad.gradient = input.gradient.slice(0, 0, 4);
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  bad.gradient = at::Tensor();
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  bad.gradient = input.gradient.clone();
  bad.gradient[2][3][1] = std::nan("");
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  bad = input;
  bad.mask = at::zeros({input.tokens}, at::kBool);
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  bad = input;
  bad.codes.atoms = input.codes.atoms + 1;
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  EXPECT_EQ(kind_of(input, {.permutations = 0}), ErrorKind::Usage);
  EXPECT_EQ(kind_of(input, {.features = {4}}), ErrorKind::Usage);
}

}  // namespace
}  // namespace energy_lens
