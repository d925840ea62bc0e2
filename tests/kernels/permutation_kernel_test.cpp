#include "energy_lens/kernels/torch_free/permutation_kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "energy_lens/core/philox.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocuments = 37;

// Sums of integers are exact: however look-ups are made, the totals are the same.
TEST(PermutationKernel, LookUpsOfEveryInstructionSetAddUpToTheSameTotals) {
  Philox random(1, "look-ups");
  for (const std::int64_t count : {1, 15, 16, 17, 100}) {
    std::vector<std::uint64_t> entries[kRowsAtOnce];
    std::vector<std::uint16_t> targets[kRowsAtOnce];
    const std::uint64_t* from[kRowsAtOnce];
    const std::uint16_t* to[kRowsAtOnce];
    for (int r = 0; r < kRowsAtOnce; ++r) {
      for (std::int64_t e = 0; e < kDocuments; ++e) entries[r].push_back(random.below(~std::uint64_t{0}));
      for (std::int64_t p = 0; p < count; ++p)
        targets[r].push_back(static_cast<std::uint16_t>(random.below(kDocuments)));
      from[r] = entries[r].data();
      to[r] = targets[r].data();
    }
    for (int rows = 1; rows <= kRowsAtOnce; ++rows) {
      std::vector<std::uint64_t> expected(static_cast<std::size_t>(count), 5), best = expected, generic = expected;
      for (std::int64_t p = 0; p < count; ++p) {
        for (int r = 0; r < rows; ++r) expected[p] += entries[r][targets[r][p]];
      }
      best_permutation_kernel().add_packed(rows, from, to, count, best.data());
      generic_permutation_kernel().add_packed(rows, from, to, count, generic.data());
      EXPECT_EQ(best, expected) << count;
      EXPECT_EQ(generic, expected) << count;
    }
  }
}

// Small integers: nothing is rounded. Terms x = 12 shares with common rows 2 c, in steps of 1/2 and of 1/4.
TEST(PermutationKernel, PacksSumsAndSquaresOfEveryDocument) {
  constexpr FixedRow kScale{24.0f, 24.0f, 1000.0f};
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    for (const std::int64_t documents : {1, 16, 37}) {
      std::vector<float> shares, twice_common;
      for (std::int64_t e = 0; e < documents; ++e) {
        shares.push_back(static_cast<float>(e % 9 - 4) / 4.0f);
        twice_common.push_back(4.0f * static_cast<float>(e % 5));
      }
      std::vector<std::uint64_t> packed(static_cast<std::size_t>(documents) + 1, 7);
      kernel->pack(kScale, shares.data(), twice_common.data(), documents, packed.data());
      for (std::int64_t e = 0; e < documents; ++e) {
        const std::int64_t x = 3 * (e % 9 - 4), common = e % 5;
        EXPECT_EQ(static_cast<std::int32_t>(packed[e] >> 32), 2 * x) << e;
        EXPECT_EQ(static_cast<std::int32_t>(packed[e]), 4 * x * (x + 2 * common) + 1000) << e;
      }
      EXPECT_EQ(packed.back(), 7u);
    }
  }
}

// One row whose terms go up to 2^30 steps, as those of a feature active in a single document do.
TEST(PermutationKernel, PacksToWithinTheErrorItStates) {
  constexpr double kMost = 0x1p30, kRoot = 0x1p14, kCommon = 3000.0, kUlp = 0x1p-24;
  constexpr double kBias = 2.001 * kRoot * kCommon;
  const FixedRow scale{static_cast<float>(kMost), static_cast<float>(kRoot), static_cast<float>(kBias)};
  Philox random(4, "rounding");
  std::vector<double> share, common;
  std::vector<float> shares, twice_common;
  for (int e = 0; e < 1000; ++e) {
    share.push_back(2.0 * random.uniform() - 1.0);
    common.push_back(kCommon * (2.0 * random.uniform() - 1.0));
    shares.push_back(static_cast<float>(share.back()));
    twice_common.push_back(static_cast<float>(2.0 * common.back()));
  }
  const double sum_error = 1.0 + 2.5 * kUlp * kMost;
  const double square_error = 1.0 + 7.5 * kUlp * kRoot * (kRoot + 4.0 * kCommon);
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    std::vector<std::uint64_t> packed(shares.size());
    kernel->pack(scale, shares.data(), twice_common.data(), std::ssize(shares), packed.data());
    double worst_sum = 0.0, worst_square = 0.0;
    for (std::size_t e = 0; e < shares.size(); ++e) {
      const double y = kRoot * share[e], square = y * (y + 2.0 * common[e]) + scale.bias;
      const auto sum_found = static_cast<std::int32_t>(packed[e] >> 32), found = static_cast<std::int32_t>(packed[e]);
      EXPECT_GE(found, 0);
      worst_sum = std::max(worst_sum, std::abs(sum_found - kMost * share[e]));
      worst_square = std::max(worst_square, std::abs(found - square));
    }
    EXPECT_LE(worst_sum, sum_error);
    EXPECT_GE(worst_sum, 0.1 * sum_error);
    EXPECT_LE(worst_square, square_error);
    EXPECT_GE(worst_square, 0.1 * square_error);
  }
}

TEST(PermutationKernel, AddsColumnsInTheOrderGiven) {
  Philox random(3, "columns");
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    for (const std::int64_t documents : {1, 31, 32, 101}) {
      std::vector<double> weights{0.5, -2.0, 3.0}, all, row, expected;
      for (std::int64_t i = 0; i < 4 * documents; ++i) all.push_back(random.normal());
      row.assign(all.begin(), all.begin() + documents);
      expected = row;
      const double* const columns[] = {all.data() + documents, all.data() + 2 * documents, all.data() + 3 * documents};
      for (std::int64_t e = 0; e < documents; ++e) {
        for (std::size_t i = 0; i < weights.size(); ++i) expected[e] += weights[i] * columns[i][e];
      }
      kernel->add_columns(weights.data(), columns, 3, documents, row.data());
      for (std::int64_t e = 0; e < documents; ++e) EXPECT_NEAR(row[e], expected[e], 1e-14) << e;
    }
  }
}

// Counts with full lanes, part of them and one beside them, against one permutation at a time.
TEST(PermutationKernel, StudentisesAndCountsAsOneByOne) {
  constexpr FixedPoint kSteps{0.125, 0.25};
  constexpr Term kCommon{1.5, -5.0};
  constexpr double kWrong = 40.0, kObserved = 0.4, kReach = 0.399;
  Philox random(2, "statistics");
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    for (const std::int64_t count : {1, 16, 35}) {
      std::vector<std::uint64_t> totals;
      std::vector<double> sums, squares, exact, maxima;
      for (std::int64_t p = 0; p < count; ++p) {
        const auto sum = static_cast<std::int64_t>(random.below(200)) - 100;
        const auto square = static_cast<std::int64_t>(random.below(400));
        totals.push_back((static_cast<std::uint64_t>(sum) << 32) + static_cast<std::uint64_t>(square));
        sums.push_back(kCommon.sum + kSteps.sum * static_cast<double>(sum));
        squares.push_back(kCommon.square + kSteps.square * static_cast<double>(square));
        const bool known = squares.back() > 2.0 * kWrong * kSteps.square;
        exact.push_back(known ? sums.back() / std::sqrt(squares.back()) : NAN);
        maxima.push_back(2.0 * random.uniform());
      }
      std::vector<float> statistics(totals.size());
      const double error = kernel->studentise(totals.data(), kCommon, kSteps, kWrong, count, statistics.data());
      std::vector<std::int32_t> undecided, listed(totals.size());
      Reached expected;
      for (std::int64_t p = 0; p < count; ++p) {
        const double t = exact[p], size = std::abs(t);
        EXPECT_EQ(std::isnan(t), std::isnan(statistics[p]));
        EXPECT_TRUE(std::isnan(t) || std::abs(statistics[p] - t) < 1e-6);
        for (const double x : {-kWrong, kWrong}) {  // the farthest that both sums may be off
          for (const double y : {-kWrong, kWrong}) {
            const double far = (sums[p] + x * kSteps.sum) / std::sqrt(squares[p] + y * kSteps.square);
            EXPECT_TRUE(std::isnan(t) || std::abs(statistics[p] - far) <= error) << far;
          }
        }
        if (!(size + 0.1 < maxima[p] && std::abs(size - kObserved) > 0.1)) undecided.push_back(static_cast<int>(p));
        expected += {size > kObserved, t > -kObserved, t < -kObserved, maxima[p] >= kReach};
      }
      listed.resize(static_cast<std::size_t>(
          kernel->undecided(statistics.data(), 0.1, maxima.data(), kObserved, count, listed.data())));
      EXPECT_EQ(listed, undecided);
      const Reached found = kernel->count_reached(statistics.data(), maxima.data(), -kObserved, kReach, count);
      EXPECT_EQ(found.two_sided, expected.two_sided);
      EXPECT_EQ(found.greater, expected.greater);
      EXPECT_EQ(found.less, expected.less);
      EXPECT_EQ(found.maximum, expected.maximum);
    }
  }
}

}  // namespace
}  // namespace energy_lens
