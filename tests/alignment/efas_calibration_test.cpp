// Is a p-value a p-value, and does a planted correlation come back? Repeated synthetic studies.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "efas_fixture.h"
#include "energy_lens/alignment/seed_compat.h"
#include "tests/support/ks.h"

namespace energy_lens {
namespace {

using testing::ks_uniform;
using testing::Planted;
using testing::planted_input;

// Hundreds of tiny studies: handing each of their blocks to another thread costs more than the work.
class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

EfasOptions quick(std::int64_t permutations, std::int64_t replicates = 1) {
  EfasOptions options = testing::small_options();
  options.permutations = permutations;
  options.bootstrap_replicates = replicates;
  options.control_draws = 0;
  options.readings = false;
  return options;
}

double rate(const std::vector<double>& p) {
  double rejected = 0.0;
  for (const double value : p) rejected += value <= 0.05;
  return rejected / static_cast<double>(p.size());
}

TEST(EfasCalibration, RecoversThePlantedCorrelation) {
  const std::vector<double> rho = {0.3, -0.2, 0.12, 0.0};
  const EfasResult result = compute_efas(planted_input({.documents = 300, .features = 4, .rho = rho}), quick(99, 1000));
  for (std::size_t k = 0; k < rho.size(); ++k) {
    const FeatureScore& score = result.scores[k];
    const double error = (score.interval.high - score.interval.low) / 3.92;
    EXPECT_LT(error, 0.03);
    EXPECT_LT(std::abs(score.primary - rho[k]), 3.0 * error) << k;
  }
}

TEST(EfasCalibration, IntervalsCoverThePlantedCorrelation) {
  const std::vector<double> rho = {0.3, 0.12, -0.2, 0.0};
  const OneThread one_thread;
  int covered = 0;
  for (std::uint64_t study = 0; study < 100; ++study) {
    const EfasResult result =
        compute_efas(planted_input({.features = 4, .rho = rho, .seed = 1000 + study}), quick(1, 300));
    for (std::size_t k = 0; k < rho.size(); ++k) {
      covered += result.scores[k].interval.low <= rho[k] && rho[k] <= result.scores[k].interval.high;
    }
  }
  EXPECT_GE(covered, 360);
  EXPECT_LE(covered, 396);
}

struct Structure {
  const char* name;
  Planted planted;
  bool breaks_token_shuffles;
};

class EfasNull : public ::testing::TestWithParam<Structure> {};

TEST_P(EfasNull, GivesUniformPValues) {
  const OneThread one_thread;
  std::vector<double> p, shifted, naive;
  for (std::uint64_t study = 0; study < 100; ++study) {
    Planted planted = GetParam().planted;
    planted.seed = 2000 + study;
    EfasOptions options = quick(199);
    options.readings = true;
    options.seed = study;
    const EfasInput input = planted_input(planted);
    for (const FeatureScore& score : compute_efas(input, options).scores) {
      p.push_back(score.test.p);
      shifted.push_back(score.readings.shift_p);
    }
    const at::Tensor descent = -input.gradient.select(2, 0).flatten();
    for (const SeedCompatScore& score : seed_compat_scores(input.codes, planted.features, descent, {.seed = study})) {
      naive.push_back(score.p);
    }
  }
  ASSERT_GE(p.size(), 2400u);
  for (const std::vector<double>* null : {&p, &shifted}) {
    EXPECT_GT(ks_uniform(*null).p, 0.01) << GetParam().name;
    EXPECT_GE(rate(*null), 0.035);  // .05 with a standard error of .0044
    EXPECT_LE(rate(*null), 0.065);
  }
  // Token shuffles, the prototype's null, fail exactly where tokens are not exchangeable.
  if (GetParam().breaks_token_shuffles) {
    EXPECT_GT(rate(naive), 0.3);
  } else {
    EXPECT_LT(rate(naive), 0.25);
  }
}

INSTANTIATE_TEST_SUITE_P(Structures, EfasNull,
                         ::testing::Values(Structure{"independent", {40, 64, 25, {}, 0.0, 0.0, 0.0, 1}, false},
                                           Structure{"autoregressive", {40, 64, 25, {}, 0.5, 0.0, 0.0, 1}, false},
                                           Structure{
                                               "strongly_autoregressive", {40, 64, 25, {}, 0.9, 0.0, 0.0, 1}, true},
                                           Structure{"documents", {40, 64, 25, {}, 0.0, 0.6, 0.0, 1}, true},
                                           Structure{"positions", {40, 64, 25, {}, 0.0, 0.0, 1.0, 1}, true}),
                         [](const ::testing::TestParamInfo<Structure>& info) { return info.param.name; });

TEST(EfasCalibration, MaxTKeepsTheFamilyWiseError) {
  constexpr int kStudies = 300;
  const OneThread one_thread;
  int wrong = 0, wrong_unadjusted = 0;
  for (std::uint64_t study = 0; study < kStudies; ++study) {
    EfasOptions options = quick(199);
    options.seed = study;
    const EfasResult result =
        compute_efas(planted_input({.documents = 40, .tokens = 24, .features = 20, .seed = 5000 + study}), options);
    bool adjusted = false, unadjusted = false;
    for (const FeatureScore& score : result.scores) {
      adjusted |= score.test.max_t <= 0.05;
      unadjusted |= score.test.p <= 0.05;
    }
    wrong += adjusted;
    wrong_unadjusted += unadjusted;
  }
  // Binomial(300, .05): between 5 and 26 with probability .998. Without the adjustment it would be 1 - .95^20 = .64.
  EXPECT_GE(wrong, 5);
  EXPECT_LE(wrong, 26);
  EXPECT_GT(wrong_unadjusted, 130);
}

}  // namespace
}  // namespace energy_lens
