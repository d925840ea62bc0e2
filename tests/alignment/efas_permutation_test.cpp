// The fast form against the definition: every series, projection and permutation written out.
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "efas_fixture.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocuments = 9, kTokens = 6, kFeatures = 5, kWidth = 4;
const std::vector<std::int64_t> kStrata = {7, 7, 2, 2, 7, 2, 7, 2, 7};
const std::vector<std::int64_t> kKept = {1, 2, 4, 5};

EfasInput small_input() {
  const at::Generator random = at::make_generator<at::CPUGeneratorImpl>(11);
  EfasInput input;
  input.documents = kDocuments;
  input.tokens = kTokens;
  input.atoms = at::randn({kFeatures, kWidth}, random);
  input.gradient = at::randn({kDocuments, kTokens, kWidth}, random);
  input.expected_gradient = at::randn({kDocuments, kTokens, kWidth}, random);
  input.codes = {at::arange(kFeatures).repeat({kDocuments * kTokens, 1}),
                 at::relu(at::randn({kDocuments * kTokens, kFeatures}, random))};
  input.mask = at::tensor({0, 1, 1, 0, 1, 1}).to(at::kBool);
  input.strata = kStrata;
  return input;
}

EfasOptions all_features() {
  EfasOptions options = testing::small_options();
  options.permutations = 199;
  options.min_active_tokens = options.min_active_documents = 1;
  return options;
}

using Series = std::vector<std::vector<double>>;  // [D][kept]

void make_within(Series& x) {
  for (std::size_t t = 0; t < kKept.size(); ++t) {
    for (const std::int64_t label : {2, 7}) {
      double sum = 0.0, count = 0.0;
      for (std::int64_t d = 0; d < kDocuments; ++d) {
        if (kStrata[d] == label) sum += x[d][t], count += 1.0;
      }
      for (std::int64_t d = 0; d < kDocuments; ++d) {
        if (kStrata[d] == label) x[d][t] -= sum / count;
      }
    }
  }
  for (std::vector<double>& row : x) {
    double mean = 0.0;
    for (const double value : row) mean += value / static_cast<double>(row.size());
    for (double& value : row) value -= mean;
  }
}

struct Pair {
  Series a, s;
};

Pair series_of(const EfasInput& input, const at::Tensor& gradient, std::int64_t feature, std::int64_t direction) {
  Pair pair{Series(kDocuments), Series(kDocuments)};
  for (std::int64_t d = 0; d < kDocuments; ++d) {
    for (const std::int64_t t : kKept) {
      pair.a[d].push_back(input.codes.values[d * kTokens + t][feature].item<double>());
      double s = 0.0;
      for (std::int64_t i = 0; i < kWidth; ++i) {
        s -= input.atoms[direction][i].item<double>() * gradient[d][t][i].item<double>();
      }
      pair.s[d].push_back(s);
    }
  }
  return pair;
}

double product(const Series& x, const Series& y) {
  double sum = 0.0;
  for (std::size_t d = 0; d < x.size(); ++d) {
    for (std::size_t t = 0; t < x[d].size(); ++t) sum += x[d][t] * y[d][t];
  }
  return sum;
}

double correlation(const Series& x, const Series& y) {
  return product(x, y) / std::sqrt(product(x, x) * product(y, y));
}

std::vector<double> flat(const Series& x) {
  std::vector<double> out;
  for (const std::vector<double>& row : x) out.insert(out.end(), row.begin(), row.end());
  return out;
}

TEST(EfasPermutation, EqualsBruteForce) {
  const EfasInput input = small_input();
  const EfasOptions options = all_features();
  const EfasResult result = compute_efas(input, options);
  ASSERT_EQ(result.tested, kFeatures);
  const Permutations permutations = document_permutations(kDocuments, options.permutations, options.seed, kStrata);
  std::vector<double> maxima(static_cast<std::size_t>(options.permutations), 0.0);
  Series permuted(kFeatures);
  for (std::int64_t k = 0; k < kFeatures; ++k) {
    Pair pair = series_of(input, input.expected_gradient, k, k);
    make_within(pair.a);
    make_within(pair.s);
    std::vector<std::int64_t> order(kDocuments);
    for (std::int64_t d = 0; d < kDocuments; ++d) order[d] = d;
    const auto statistic = [&] {
      return reference_statistic(flat(pair.a), flat(pair.s), static_cast<std::int64_t>(kKept.size()), order);
    };
    EXPECT_NEAR(result.scores[k].test.statistic, statistic(), 1e-10);
    EXPECT_NEAR(result.scores[k].primary, correlation(pair.a, pair.s), 1e-10);
    for (std::int64_t p = 0; p < options.permutations; ++p) {
      for (std::int64_t d = 0; d < kDocuments; ++d) order[d] = permutations.index[d * options.permutations + p];
      permuted[k].push_back(statistic());
      maxima[p] = std::max(maxima[p], std::abs(permuted[k].back()));
    }
  }
  for (std::int64_t k = 0; k < kFeatures; ++k) {
    const double observed = result.scores[k].test.statistic, reach = std::abs(observed) * (1.0 - 1e-10);
    double two_sided = 1.0, greater = 1.0, single_step = 1.0;
    for (std::int64_t p = 0; p < options.permutations; ++p) {
      two_sided += std::abs(permuted[k][p]) >= reach;
      greater += permuted[k][p] >= observed - 1e-10;
      single_step += maxima[p] >= reach;
    }
    EXPECT_DOUBLE_EQ(result.scores[k].test.p, two_sided / 200.0);
    EXPECT_DOUBLE_EQ(result.scores[k].test.p_greater, greater / 200.0);
    EXPECT_DOUBLE_EQ(result.scores[k].test.max_t, single_step / 200.0);
  }
}

TEST(EfasPermutation, SplitsTheCovarianceExactly) {
  const EfasInput input = small_input();
  const EfasResult result = compute_efas(input, all_features());
  for (std::int64_t k = 0; k < kFeatures; ++k) {
    const SeriesScore& score = result.scores[k].direct;
    EXPECT_NEAR(score.covariance, score.covariance_within + score.covariance_between, 1e-12);
    const Pair raw = series_of(input, input.gradient, k, k);
    Pair within = raw;
    make_within(within.a);
    make_within(within.s);
    EXPECT_NEAR(score.within, correlation(within.a, within.s), 1e-10);
    EXPECT_NEAR(score.covariance_within, product(within.a, within.s) / (kDocuments * 4.0), 1e-10);
    EXPECT_NEAR(score.mean_product, product(raw.a, raw.s) / (kDocuments * 4.0), 1e-10);
  }
}

TEST(EfasPermutation, BorrowsTheRowsOfOtherFeatures) {
  // 21 features: every other row is borrowed, so the control has no randomness left.
  const at::Generator random = at::make_generator<at::CPUGeneratorImpl>(5);
  EfasInput input = small_input();
  constexpr std::int64_t kMany = 21;
  input.atoms = at::randn({kMany, kWidth}, random);
  input.codes = {at::arange(kMany).repeat({kDocuments * kTokens, 1}),
                 at::relu(at::randn({kDocuments * kTokens, kMany}, random))};
  const EfasResult result = compute_efas(input, all_features());
  for (const std::int64_t k : {0, 7, 20}) {
    double mean = 0.0, squares = 0.0, own = 0.0;
    for (std::int64_t j = 0; j < kMany; ++j) {
      Pair pair = series_of(input, input.expected_gradient, k, j);
      make_within(pair.a);
      make_within(pair.s);
      const double r = std::abs(correlation(pair.a, pair.s));
      if (j == k) own = r;
      if (j == k) continue;
      mean += r / 20.0;
      squares += r * r;
    }
    const double deviation = std::sqrt((squares - 20.0 * mean * mean) / 19.0);
    EXPECT_NEAR(result.scores[k].control_mean, mean, 1e-10);
    EXPECT_NEAR(result.scores[k].control_z, (own - mean) / deviation, 1e-8);
  }
}

TEST(EfasPermutation, TellsAnAlignedFeatureFromAnAlignedDirection) {
  // Feature 0 is aligned with a descent that every decoder row sees: the permutations find it, the control does not.
  EfasInput input = testing::planted_input({.rho = {0.4}});
  const at::Tensor own = input.gradient.select(2, 0).unsqueeze(2).clone();
  input.gradient = own + 0.2 * input.gradient;
  const EfasResult result = compute_efas(input, testing::small_options());
  EXPECT_LE(result.scores[0].test.max_t, 0.05);
  EXPECT_GT(result.scores[0].control_max_t, 0.05);
  EXPECT_FALSE(result.scores[0].aligned);
}

}  // namespace
}  // namespace energy_lens
