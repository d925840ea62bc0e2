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

// Small integers and steps that are powers of two: nothing is rounded.
TEST(PermutationKernel, AProductIsPackedAsItsRowIs) {
  std::vector<double> column, common, row;
  for (std::int64_t e = 0; e < kDocuments; ++e) {
    column.push_back(static_cast<double>(e % 7) - 3.0);
    common.push_back(static_cast<double>(e % 5));
    row.push_back(4.0 * column.back());
  }
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    std::vector<std::uint64_t> whole(row.size()), product(row.size());
    kernel->pack_terms(row.data(), common.data(), kDocuments, {0.5, 0.25}, whole.data());
    kernel->pack_product(4.0, column.data(), common.data(), kDocuments, {0.5, 0.25}, product.data());
    EXPECT_EQ(product, whole);
    // x = -12 in halves, x^2 = 144 in quarters.
    EXPECT_EQ(static_cast<std::int32_t>(whole[0] >> 32), -24);
    EXPECT_EQ(static_cast<std::int32_t>(whole[0]), 576);
  }
}

// Counts with full lanes, part of them and one beside them, against one permutation at a time.
TEST(PermutationKernel, StudentisesAndCountsAsOneByOne) {
  constexpr FixedPoint kSteps{0.125, 0.25};
  constexpr Term kCommon{1.5, 30.0};
  constexpr double kWrong = 40.0, kObserved = 0.4, kReach = 0.399;
  Philox random(2, "statistics");
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    for (const std::int64_t count : {1, 16, 35}) {
      std::vector<std::uint64_t> totals;
      std::vector<double> sums, squares, exact, maxima;
      for (std::int64_t p = 0; p < count; ++p) {
        const auto sum = static_cast<std::int64_t>(random.below(200)) - 100;
        const auto square = static_cast<std::int64_t>(random.below(400)) - 100;
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
