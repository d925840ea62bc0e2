#include "energy_lens/stats/permutation.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "tests/support/ks.h"

namespace energy_lens {
namespace {

using testing::ks_uniform;

constexpr std::int64_t kDocuments = 12, kTokens = 5, kFeatures = 40;

struct Series {
  std::vector<double> a, s;  // [D, T]
};

std::vector<Series> random_series(double coupling_of_first) {
  std::vector<Series> series(kFeatures);
  for (std::size_t f = 0; f < series.size(); ++f) {
    Philox random(11, "series", f);
    for (std::int64_t i = 0; i < kDocuments * kTokens; ++i) {
      series[f].a.push_back(random.normal());
      series[f].s.push_back(random.normal() + (f == 0 ? coupling_of_first * series[f].a.back() : 0.0));
    }
  }
  return series;
}

DocumentProducts products_of(const Series& series) {
  std::vector<double> g(kDocuments * kDocuments, 0.0);
  for (std::int64_t d = 0; d < kDocuments; ++d) {
    for (std::int64_t e = 0; e < kDocuments; ++e) {
      for (std::int64_t t = 0; t < kTokens; ++t) {
        g[d * kDocuments + e] += series.a[d * kTokens + t] * series.s[e * kTokens + t];
      }
    }
  }
  return dense_products(g, kDocuments);
}

ProductsOf builder(const std::vector<Series>& series) {
  return [&series](std::span<const std::int64_t> features) {
    std::vector<DocumentProducts> products;
    for (const std::int64_t f : features) products.push_back(products_of(series[f]));
    return products;
  };
}

// Every number from the series themselves, by the definitions.
struct Reference {
  std::vector<double> observed, p, greater, less, single_step, step_down;
};

Reference brute_force(const std::vector<Series>& series, const Permutations& permutations) {
  std::vector<std::int64_t> pi(kDocuments);
  std::iota(pi.begin(), pi.end(), 0);
  Reference reference;
  for (const Series& one : series) reference.observed.push_back(reference_statistic(one.a, one.s, kTokens, pi));
  std::vector<std::vector<double>> null(series.size());
  for (std::int64_t p = 0; p < permutations.count; ++p) {
    for (std::int64_t d = 0; d < kDocuments; ++d) pi[d] = permutations.index[d * permutations.count + p];
    for (std::size_t f = 0; f < series.size(); ++f) {
      null[f].push_back(reference_statistic(series[f].a, series[f].s, kTokens, pi));
    }
  }
  std::vector<std::size_t> order(series.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    return std::abs(reference.observed[i]) > std::abs(reference.observed[j]);
  });
  const auto p_of = [&](auto reached) {
    int count = 1;
    for (std::int64_t p = 0; p < permutations.count; ++p) count += reached(p);
    return static_cast<double>(count) / static_cast<double>(permutations.count + 1);
  };
  const auto max_from = [&](std::size_t first, std::int64_t p) {
    double maximum = 0.0;
    for (std::size_t i = first; i < order.size(); ++i) maximum = std::max(maximum, std::abs(null[order[i]][p]));
    return maximum;
  };
  const std::size_t n = series.size();
  for (auto* column :
       {&reference.p, &reference.greater, &reference.less, &reference.single_step, &reference.step_down}) {
    column->resize(n);
  }
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t f = order[i];
    const double t = reference.observed[f];
    reference.p[f] = p_of([&](std::int64_t p) { return std::abs(null[f][p]) >= std::abs(t); });
    reference.greater[f] = p_of([&](std::int64_t p) { return null[f][p] >= t; });
    reference.less[f] = p_of([&](std::int64_t p) { return null[f][p] <= t; });
    reference.single_step[f] = p_of([&](std::int64_t p) { return max_from(0, p) >= std::abs(t); });
    largest = std::max(largest, p_of([&](std::int64_t p) { return max_from(i, p) >= std::abs(t); }));
    reference.step_down[f] = largest;
  }
  return reference;
}

TEST(PermutationTest, EqualsBruteForceOverTheSeries) {
  const std::vector<Series> series = random_series(1.0);
  const Permutations permutations = document_permutations(kDocuments, 700, 3);
  const PermutationTest fast = permutation_test(kFeatures, builder(series), permutations);
  const Reference slow = brute_force(series, permutations);
  for (std::size_t f = 0; f < series.size(); ++f) {
    EXPECT_NEAR(fast.statistic[f], slow.observed[f], 1e-10);
    EXPECT_EQ(fast.p[f], slow.p[f]);
    EXPECT_EQ(fast.p_greater[f], slow.greater[f]);
    EXPECT_EQ(fast.p_less[f], slow.less[f]);
    EXPECT_EQ(fast.single_step[f], slow.single_step[f]);
    EXPECT_EQ(fast.step_down[f], slow.step_down[f]);
  }
}

TEST(PermutationTest, ReadsSilentDocumentsFromTheCommonRow) {
  // Rows 0, 3 and 7 differ; the rest equal the common row. Document 3 has two firings. Written in full and written
  // sparsely, G is the same matrix.
  Philox random(4, "common");
  constexpr std::int64_t kPositions = 4;
  std::vector<double> columns;
  for (std::int64_t i = 0; i < kPositions * kDocuments; ++i) columns.push_back(random.normal());
  DocumentProducts sparse;
  for (std::int64_t d = 0; d < kDocuments; ++d) sparse.common.push_back(random.normal());
  sparse.firings = {{0, 1, 3.0}, {3, 0, 2.0}, {3, 3, -1.0}, {7, 1, 2.5}};
  sparse.columns = {columns, kDocuments};
  std::vector<double> g;
  for (std::int64_t d = 0; d < kDocuments; ++d) g.insert(g.end(), sparse.common.begin(), sparse.common.end());
  for (const Firing& firing : sparse.firings) {
    for (std::int64_t e = 0; e < kDocuments; ++e) {
      g[firing.document * kDocuments + e] += firing.value * columns[firing.position * kDocuments + e];
    }
  }
  const Permutations permutations = document_permutations(kDocuments, 500, 6);
  const auto one = [](DocumentProducts products) {
    return [products](std::span<const std::int64_t> features) {
      return std::vector<DocumentProducts>(features.size(), products);
    };
  };
  const PermutationTest a = permutation_test(1, one(sparse), permutations);
  const PermutationTest b = permutation_test(1, one(dense_products(g, kDocuments)), permutations);
  EXPECT_NEAR(a.statistic[0], b.statistic[0], 1e-10);
  EXPECT_EQ(a.p[0], b.p[0]);
  EXPECT_EQ(a.p_less[0], b.p_less[0]);
}

TEST(PermutationTest, SettlesNearTiesInFullPrecision) {
  // Each series again with changes far below a step of fixed point: features that screening cannot tell apart.
  std::vector<Series> series = random_series(0.3);
  for (std::size_t f = 0; f < kFeatures; ++f) {
    series.push_back(series[f]);
    for (std::size_t i = 0; i < series[f].a.size(); ++i) series.back().a[i] *= 1.0 + 1e-9 * static_cast<double>(i % 7);
  }
  const Permutations permutations = document_permutations(kDocuments, 700, 3);
  const auto count = static_cast<std::int64_t>(series.size());
  const PermutationTest fast = permutation_test(count, builder(series), permutations);
  const Reference slow = brute_force(series, permutations);
  EXPECT_EQ(fast.p, slow.p);
  EXPECT_EQ(fast.p_greater, slow.greater);
  EXPECT_EQ(fast.p_less, slow.less);
  EXPECT_EQ(fast.single_step, slow.single_step);
  EXPECT_EQ(fast.step_down, slow.step_down);
}

void expect_the_same_for_any_number_of_threads(std::int64_t features, const ProductsOf& products) {
  const int before = at::get_num_threads();
  std::vector<PermutationTest> tests;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    tests.push_back(permutation_test(features, products, document_permutations(kDocuments, 1500, 8)));
  }
  at::set_num_threads(before);
  for (const PermutationTest& other : {tests[1], tests[2]}) {
    EXPECT_EQ(tests[0].statistic, other.statistic);
    EXPECT_EQ(tests[0].p, other.p);
    EXPECT_EQ(tests[0].p_greater, other.p_greater);
    EXPECT_EQ(tests[0].p_less, other.p_less);
    EXPECT_EQ(tests[0].single_step, other.single_step);
    EXPECT_EQ(tests[0].step_down, other.step_down);
  }
}

TEST(PermutationTest, IsTheSameForAnyNumberOfThreads) {
  const std::vector<Series> series = random_series(0.5);
  expect_the_same_for_any_number_of_threads(kFeatures, builder(series));
}

TEST(PermutationTest, ScreensTheSameForAnyNumberOfThreads) {
  // Several blocks of features.
  const std::vector<Series> series = random_series(0.5);
  const auto many = [&series](std::span<const std::int64_t> features) {
    std::vector<DocumentProducts> products;
    for (const std::int64_t f : features) {
      Series one = series[f % kFeatures];
      for (double& value : one.a) value += 0.01 * static_cast<double>(f / kFeatures) * value * value;
      products.push_back(products_of(one));
    }
    return products;
  };
  expect_the_same_for_any_number_of_threads(600, many);
}

TEST(PermutationTest, OrdersItsPValues) {
  const std::vector<Series> series = random_series(1.0);
  const PermutationTest test = permutation_test(kFeatures, builder(series), document_permutations(kDocuments, 999, 2));
  for (std::size_t f = 0; f < series.size(); ++f) {
    EXPECT_GE(test.p[f], 1.0 / 1000.0);
    EXPECT_LE(test.p[f], test.step_down[f]);
    EXPECT_LE(test.step_down[f], test.single_step[f]);
  }
  EXPECT_LT(test.single_step[0], 0.01);
  EXPECT_LT(test.p_greater[0], 0.01);
  EXPECT_GT(test.p_less[0], 0.99);
}

TEST(PermutationTest, OfASilentFeatureIsOne) {
  const auto silent = [](std::span<const std::int64_t> features) {
    return std::vector<DocumentProducts>(features.size(), DocumentProducts{std::vector<double>(6, 0.0), {}, {}});
  };
  const PermutationTest test = permutation_test(2, silent, document_permutations(6, 99, 1));
  EXPECT_EQ(test.statistic[0], 0.0);
  EXPECT_EQ(test.p[0], 1.0);
  EXPECT_EQ(test.single_step[1], 1.0);
}

// Document 0 fires on what is 0 there and +-1 elsewhere: T is 0, +-1 under every permutation that moves it.
TEST(PermutationTest, CountsAroundAStatisticOfZero) {
  constexpr std::int64_t kFew = 5;
  const auto one = [](std::span<const std::int64_t> features) {
    const DocumentProducts products{std::vector<double>(kFew, 0.0), {{0, 0, 1.0}}, {{0.0, 1.0, 1.0, 1.0, -1.0}, kFew}};
    return std::vector<DocumentProducts>(features.size(), products);
  };
  const Permutations permutations = document_permutations(kFew, 300, 4);
  const PermutationTest test = permutation_test(1, one, permutations);
  int up = 1, down = 1;
  for (std::int64_t p = 0; p < permutations.count; ++p) {
    up += permutations.targets(0)[p] != 4;
    down += permutations.targets(0)[p] == 0 || permutations.targets(0)[p] == 4;
  }
  EXPECT_EQ(test.statistic[0], 0.0);
  EXPECT_EQ(test.p[0], 1.0);
  EXPECT_EQ(test.p_greater[0], up / 301.0);
  EXPECT_EQ(test.p_less[0], down / 301.0);
}

TEST(PermutationTest, GivesUniformPValuesUnderTheNull) {
  std::vector<double> p_values;
  for (std::uint64_t replicate = 0; replicate < 8; ++replicate) {
    std::vector<Series> series = random_series(0.0);
    for (std::size_t f = 0; f < series.size(); ++f) {
      Philox random(100 + replicate, "null", f);
      for (double& value : series[f].s) value = random.normal();
    }
    const PermutationTest test =
        permutation_test(kFeatures, builder(series), document_permutations(kDocuments, 499, replicate));
    p_values.insert(p_values.end(), test.p.begin(), test.p.end());
  }
  EXPECT_GT(ks_uniform(p_values).p, 0.01);
}

TEST(DocumentPermutations, StayInsideTheirStratum) {
  const std::vector<std::int64_t> strata = {0, 1, 0, 1, 2, 0};
  const Permutations permutations = document_permutations(6, 200, 5, strata);
  bool moved = false;
  for (std::int64_t p = 0; p < 200; ++p) {
    std::vector<bool> seen(6, false);
    for (std::int64_t d = 0; d < 6; ++d) {
      const std::uint16_t to = permutations.index[d * 200 + p];
      EXPECT_EQ(strata[d], strata[to]);
      EXPECT_FALSE(seen[to]);
      seen[to] = true;
      moved |= to != d;
    }
  }
  EXPECT_TRUE(moved);
}

TEST(DocumentPermutations, DependOnTheirOwnIndexOnly) {
  const Permutations few = document_permutations(7, 10, 5), many = document_permutations(7, 40, 5);
  for (std::int64_t d = 0; d < 7; ++d) {
    for (std::int64_t p = 0; p < 10; ++p) EXPECT_EQ(few.index[d * 10 + p], many.index[d * 40 + p]);
  }
  EXPECT_THROW(document_permutations(0, 10, 1), Error);
  EXPECT_THROW(document_permutations(65537, 1, 1), Error);
  EXPECT_THROW(document_permutations(3, 10, 1, std::vector<std::int64_t>{0, 1}), Error);
}

}  // namespace
}  // namespace energy_lens
