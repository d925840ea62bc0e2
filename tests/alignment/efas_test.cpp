#include "energy_lens/alignment/efas.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "efas_fixture.h"
#include "energy_lens/core/error.h"
#include "energy_lens/lens/energy.h"

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
  EfasInput input = planted_input({.documents = 30, .features = 40, .rho = {0.3}});
  input.covariates = {testing::random_covariate(input, 1), testing::random_covariate(input, 2)};
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

TEST(Efas, FlipsWithTheSignOfAFeatureAndIgnoresItsScale) {
  const EfasInput input = planted_input({.features = 25, .rho = {0.3}});
  EfasInput negated = input, scaled = input, both = input;
  negated.codes.values = -input.codes.values;
  scaled.codes.values = 4.0 * input.codes.values;
  scaled.atoms = 0.5 * input.atoms;
  both.codes.values = -input.codes.values;
  both.atoms = -input.atoms;
  const EfasResult r = compute_efas(input, small_options()), n = compute_efas(negated, small_options());
  const EfasResult s = compute_efas(scaled, small_options()), b = compute_efas(both, small_options());
  for (std::size_t i = 0; i < r.scores.size(); ++i) {
    const FeatureScore& score = r.scores[i];
    EXPECT_NEAR(n.scores[i].primary, -score.primary, 1e-12);
    EXPECT_NEAR(n.scores[i].test.statistic, -score.test.statistic, 1e-9);
    EXPECT_EQ(n.scores[i].test.p_less, score.test.p_greater);
    for (const EfasResult* same : {&s, &b}) {
      EXPECT_NEAR(same->scores[i].primary, score.primary, 1e-12);
      EXPECT_EQ(same->scores[i].test.p, score.test.p);
      EXPECT_EQ(same->scores[i].test.max_t, score.test.max_t);
      EXPECT_NEAR(same->scores[i].control_z, score.control_z, 1e-8);
    }
    EXPECT_NEAR(s.scores[i].direct.mean_product, 2.0 * score.direct.mean_product, 1e-9);
  }
}

TEST(Efas, DoesNotDependOnTheOrderOfDocuments) {
  const EfasInput input = planted_input({.features = 25, .rho = {0.3}});
  EfasInput turned = input;
  const auto turn = [&](const at::Tensor& x) { return x.reshape({input.documents, -1}).flip(0).reshape(x.sizes()); };
  turned.gradient = turn(input.gradient.contiguous());
  turned.codes = {turn(input.codes.atoms), turn(input.codes.values)};
  const EfasResult r = compute_efas(input, small_options()), t = compute_efas(turned, small_options());
  for (std::size_t i = 0; i < r.scores.size(); ++i) {
    EXPECT_NEAR(t.scores[i].primary, r.scores[i].primary, 1e-12);
    EXPECT_NEAR(t.scores[i].direct.between, r.scores[i].direct.between, 1e-12);
    EXPECT_NEAR(t.scores[i].test.statistic, r.scores[i].test.statistic, 1e-9);
    EXPECT_NEAR(t.scores[i].effective_tokens, r.scores[i].effective_tokens, 1e-6);
    EXPECT_NEAR(t.scores[i].test.p, r.scores[i].test.p, 0.08);  // other permutations of the same null
  }
}

TEST(Efas, DoesNotDependOnTheGaugeOfTheLogits) {
  const std::int64_t documents = 12, tokens = 10, width = 8, vocabulary = 40;
  const at::Generator random = at::make_generator<at::CPUGeneratorImpl>(3);
  const auto normal = [&](at::IntArrayRef sizes) { return at::randn(sizes, random); };
  Unembed unembed;
  unembed.gamma = at::ones({width});
  unembed.beta = at::zeros({width});
  unembed.w_u = normal({vocabulary, width});
  unembed.b_u = normal({vocabulary});
  Unembed moved = unembed;
  moved.w_u = unembed.w_u + normal({1, width});
  moved.b_u = unembed.b_u + 5.0;
  const std::vector<at::Tensor> streams = {normal({documents * tokens, width}), normal({documents * tokens, width})};
  const at::Tensor targets = at::randint(vocabulary, {documents * tokens}, random, at::kLong);
  const auto efas = [&](const Unembed& u) {
    const LensRows rows = lens_rows(streams, targets, u, {.gradient = true, .expected_gradient = true})[0];
    EfasInput input;
    input.documents = documents;
    input.tokens = tokens;
    input.atoms = at::eye(width);
    input.codes = {at::arange(width).repeat({documents * tokens, 1}), at::relu(streams[0])};
    input.gradient = rows.gradient.reshape({documents, tokens, width});
    input.expected_gradient = rows.expected_gradient.reshape({documents, tokens, width});
    return compute_efas(input, small_options());
  };
  const EfasResult one = efas(unembed), two = efas(moved);
  ASSERT_EQ(one.scores.size(), static_cast<std::size_t>(width));
  EXPECT_EQ(one.primary, PrimaryScore::Expected);
  for (std::size_t k = 0; k < one.scores.size(); ++k) {
    EXPECT_NEAR(one.scores[k].expected.within, two.scores[k].expected.within, 1e-5);
    EXPECT_NEAR(one.scores[k].direct.pooled, two.scores[k].direct.pooled, 1e-5);
    EXPECT_EQ(one.scores[k].primary, one.scores[k].expected.within);
  }
}

// A stream that grows by sigma multiplies activations by it and divides gradients by it: EFAS-N sees through that.
TEST(Efas, NormFreeScoreUndoesASizeThatIsPlantedInTheStream) {
  const EfasInput plain = planted_input({.documents = 40, .features = 6, .rho = {0.3, -0.3}});
  EfasInput sized = plain;
  const at::Generator random = at::make_generator<at::CPUGeneratorImpl>(7);
  sized.norm_scale = at::exp(0.8 * at::randn({plain.documents, plain.tokens}, random));
  sized.codes.values = plain.codes.values * sized.norm_scale.reshape({-1, 1});
  sized.gradient = plain.gradient / sized.norm_scale.unsqueeze(-1);
  const EfasResult truth = compute_efas(plain, small_options()), result = compute_efas(sized, small_options());
  ASSERT_EQ(result.scores.size(), truth.scores.size());
  for (std::size_t i = 0; i < truth.scores.size(); ++i) {
    EXPECT_NEAR(result.scores[i].norm_free.within, truth.scores[i].direct.within, 1e-6);
    EXPECT_NEAR(result.scores[i].norm_free.pooled, truth.scores[i].direct.pooled, 1e-6);
    EXPECT_TRUE(std::isnan(truth.scores[i].norm_free.within));  // without sigma there is none
  }
  EXPECT_GT(truth.scores[0].direct.within - result.scores[0].direct.within, 0.02);  // the size hides alignment
}

TEST(Efas, ReadsTestedFeaturesInOtherWaysWhereAsked) {
  EfasInput input = planted_input({.documents = 100, .rho = {0.35, -0.3}});
  input.covariates = {testing::random_covariate(input, 1)};
  const EfasResult result = compute_efas(input, small_options());
  EXPECT_EQ(result.shifts, small_options().shifts);
  for (const std::size_t planted : {0, 1}) {
    const FeatureScore& score = result.scores[planted];
    const SecondaryReadings& readings = score.readings;
    EXPECT_EQ(readings.shift_p, 1.0 / 200.0);
    EXPECT_NEAR(readings.partial, score.primary, 0.01);  // the covariate explains nothing
    EXPECT_LT(readings.partial_interval.low, readings.partial);
    EXPECT_GT(readings.partial_interval.high, readings.partial);
    for (const double r : {readings.sparse.active, readings.sparse.point_biserial, readings.sparse.spearman}) {
      EXPECT_GT(r * score.primary, 0.1 * std::abs(score.primary)) << planted;
    }
  }
  const auto all_nan = [](const SecondaryReadings& r) {
    return std::isnan(r.shift_p) && std::isnan(r.partial) && std::isnan(r.partial_interval.low) &&
           std::isnan(r.sparse.active) && std::isnan(r.sparse.point_biserial) && std::isnan(r.sparse.spearman);
  };
  EfasOptions options = small_options();
  options.min_active_documents = 1000;
  EXPECT_TRUE(all_nan(compute_efas(input, options).scores[0].readings));  // untestable
  options = small_options();
  options.readings = false;
  const EfasResult off = compute_efas(input, options);
  EXPECT_EQ(off.shifts, 0);
  for (std::size_t i = 0; i < off.scores.size(); ++i) {
    EXPECT_TRUE(all_nan(off.scores[i].readings));
    EXPECT_EQ(off.scores[i].test.p, result.scores[i].test.p);  // they change nothing else
    EXPECT_EQ(off.scores[i].interval.low, result.scores[i].interval.low);
  }
  input.covariates.clear();
  EXPECT_TRUE(std::isnan(compute_efas(input, small_options()).scores[0].readings.partial));
}

TEST(Efas, CallsNothingAlignedInASmallStudy) {
  EfasOptions options = small_options();
  options.min_documents = 61;
  const EfasResult result = compute_efas(planted_input({.rho = {0.4}}), options);
  EXPECT_TRUE(result.underpowered);
  EXPECT_LE(result.scores[0].test.max_t, 0.05);
  for (const FeatureScore& score : result.scores) EXPECT_FALSE(score.aligned);
  options = small_options();
  options.min_tokens = 60 * 32 + 1;
  EXPECT_TRUE(compute_efas(planted_input({.features = 2}), options).underpowered);
  options.min_tokens = 60 * 32;
  EXPECT_FALSE(compute_efas(planted_input({.features = 2}), options).underpowered);
}

// 60 documents, 20 of them alone in their stratum: 40 can change places.
TEST(Efas, DocumentsAloneInTheirStratumDoNotCount) {
  EfasInput input = planted_input({.rho = {0.4}});
  input.strata.assign(60, 0);
  for (std::int64_t d = 40; d < 60; ++d) input.strata[d] = d;
  EfasOptions options = small_options();
  options.min_documents = 41;
  const EfasResult result = compute_efas(input, options);
  EXPECT_EQ(result.documents, 40);
  EXPECT_EQ(result.alone, 20);
  EXPECT_EQ(result.tokens, 40 * 32);
  for (const FeatureScore& score : result.scores) EXPECT_LE(score.active_documents, 40);
  options.min_active_documents = 41;  // of 60
  EXPECT_EQ(compute_efas(input, options).tested, 0);
  EXPECT_TRUE(result.underpowered);
  options.min_documents = 40;
  EXPECT_FALSE(compute_efas(input, options).underpowered);
}

TEST(Efas, FindsNothingInOneOrTwoDocuments) {
  EfasOptions options = small_options();
  options.min_active_tokens = 1;
  options.min_active_documents = 1;
  for (const FeatureScore& score : compute_efas(planted_input({.documents = 1, .rho = {0.9}}), options).scores) {
    EXPECT_TRUE(std::isnan(score.primary));  // nothing is left beside the position means
    EXPECT_TRUE(std::isnan(score.test.p));
  }
  // Two documents are each other's negative after the position means: exchanging them changes a sign only.
  for (const FeatureScore& score : compute_efas(planted_input({.documents = 2, .rho = {0.9}}), options).scores) {
    EXPECT_TRUE(!score.testable || score.test.p == 1.0);
  }
}

TEST(Efas, DoesNotTestDeadAndRareFeatures) {
  EfasInput input = planted_input({.rho = {0.4}});
  input.codes.values.select(1, 5).zero_();
  input.codes.values.select(1, 6).slice(0, 300).zero_();
  const EfasResult result = compute_efas(input, small_options());
  EXPECT_EQ(result.silent, 1);
  EXPECT_EQ(result.tested, 28);
  ASSERT_EQ(result.scores.size(), 29u);
  const FeatureScore& rare = result.scores[5];
  EXPECT_EQ(rare.feature, 6);
  EXPECT_FALSE(rare.testable);
  EXPECT_LT(rare.active_documents, 10);
  for (const double value : {rare.test.p, rare.test.max_t, rare.test.bh_q, rare.control_z, rare.interval.low}) {
    EXPECT_TRUE(std::isnan(value));
  }
  // The family is the tested features alone: taking the others away changes no p-value.
  EfasOptions options = small_options();
  for (std::int64_t k = 0; k < 30; ++k) {
    if (k != 5 && k != 6) options.features.push_back(k);
  }
  const EfasResult alone = compute_efas(input, options);
  EXPECT_EQ(alone.scores.back().test.max_t, result.scores.back().test.max_t);
}

TEST(Efas, KeepsThePositionsOfTheMaskOnly) {
  EfasInput input = planted_input({.documents = 30, .features = 25, .rho = {0.3}}), cut = input;
  input.mask = at::ones({input.tokens}, at::kBool);
  input.mask[0] = false;
  input.gradient.select(1, 0).fill_(1e6);
  cut.tokens = input.tokens - 1;
  cut.gradient = input.gradient.slice(1, 1);
  const auto rows = [&](const at::Tensor& x) {
    return x.reshape({input.documents, input.tokens, -1}).slice(1, 1).reshape({input.documents * cut.tokens, -1});
  };
  cut.codes = {rows(input.codes.atoms), rows(input.codes.values)};
  const EfasResult masked = compute_efas(input, small_options()), expected = compute_efas(cut, small_options());
  ASSERT_EQ(masked.scores.size(), expected.scores.size());
  for (std::size_t i = 0; i < masked.scores.size(); ++i) {
    EXPECT_EQ(testing::numbers(masked.scores[i]), testing::numbers(expected.scores[i]));
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
  bad = input;
  bad.covariates = {testing::random_covariate(input, 1)};
  bad.covariates[0].values = bad.covariates[0].values.slice(0, 0, 4);
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  bad.covariates[0].values = at::full({input.documents, input.tokens}, std::nan(""));
  EXPECT_EQ(kind_of(bad), ErrorKind::BadInput);
  EXPECT_EQ(kind_of(input, {.shifts = -1}), ErrorKind::Usage);
  EXPECT_EQ(kind_of(input, {.permutations = 0}), ErrorKind::Usage);
  EXPECT_EQ(kind_of(input, {.features = {4}}), ErrorKind::Usage);
}

}  // namespace
}  // namespace energy_lens
