#include "energy_lens/kernels/torch_free/permutation_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
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

// Small integers: nothing is rounded. Terms x = 12 shares beside common rows of 0 to 4, in steps of 1/2 and of
// 1/4.
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

// One row in steps, and how far it may be off.
struct Row {
  double most, root, common;
  std::vector<double> share, commons;
};

// As far as the packer goes: a feature active in one document has steps of 2^-31 of its bound. Nothing here is a power
// of two, so every rounding counts.
Row drawn_row() {
  Row row{2147479551.0, 32771.7, 3000.3, {1.0, -1.0}, {0.0, 0.0}};
  Philox random(4, "rounding");
  for (int e = 0; e < 1000; ++e) {
    row.share.push_back(2.0 * random.uniform() - 1.0);
    row.commons.push_back(row.common * (2.0 * random.uniform() - 1.0));
  }
  return row;
}

// Each rounding as large as it can be and of the same sign, where products are not fused with sums.
Row worst_row() {
  const double most = 32768.0 * (1.0 + 2049.0 * 0x1p-23 + 0.999 * 0x1p-24), common = 0.99 * 0x1p-10;
  return {most, most, common, {1.0 - 0x1p-24 + 0.999 * 0x1p-25}, {common}};
}

TEST(PermutationKernel, PacksToWithinTheErrorItStates) {
  constexpr double kUlp = 0x1p-24;
  for (const Row& row : {drawn_row(), worst_row()}) {
    const double range = row.root * (row.root + 4.0 * row.common);
    const FixedRow scale{static_cast<float>(row.most), static_cast<float>(row.root),
                         static_cast<float>(2.0 * row.root * row.common + 16.0 * kUlp * range)};
    std::vector<float> shares, twice_common;
    for (const double share : row.share) shares.push_back(static_cast<float>(share));
    for (const double common : row.commons) twice_common.push_back(static_cast<float>(2.0 * common));
    for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
      std::vector<std::uint64_t> packed(shares.size());
      kernel->pack(scale, shares.data(), twice_common.data(), std::ssize(shares), packed.data());
      double worst_sum = 0.0, worst_square = 0.0;
      for (std::size_t e = 0; e < shares.size(); ++e) {
        const double y = row.root * row.share[e], square = y * (y + 2.0 * row.commons[e]) + scale.bias;
        const auto sum = static_cast<std::int32_t>(packed[e] >> 32), found = static_cast<std::int32_t>(packed[e]);
        EXPECT_GE(found, 0);
        worst_sum = std::max(worst_sum, std::abs(sum - row.most * row.share[e]));
        worst_square = std::max(worst_square, std::abs(found - square));
      }
      EXPECT_LE(worst_sum, 1.0 + 2.5 * kUlp * row.most);
      EXPECT_LE(worst_square, 1.0 + 8.0 * kUlp * range);
      EXPECT_GE(worst_square, 0.3 * 8.0 * kUlp * range);
    }
  }
}

// Small integers are exact, large ones show the order: any other gives 0.
TEST(PermutationKernel, AddsColumnsInTheOrderGiven) {
  const std::vector<double> weights{1.0, -2.0, 3.0};
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    for (const std::int64_t documents : {1, 7, 31, 32, 45, 101}) {
      std::vector<double> row, expected, first, second, third, large(static_cast<std::size_t>(documents), 1e17);
      for (std::int64_t e = 0; e < documents; ++e) {
        first.push_back(static_cast<double>(e));
        second.push_back(static_cast<double>(e % 5));
        third.push_back(static_cast<double>(e % 11));
        row.push_back(static_cast<double>(e % 3));
        expected.push_back(row[e] + first[e] - 2.0 * second[e] + 3.0 * third[e]);
      }
      const double* const columns[] = {first.data(), second.data(), third.data()};
      kernel->add_columns(weights.data(), columns, 3, documents, row.data());
      EXPECT_EQ(row, expected);

      const std::vector<double> ones(large.size(), 1.0), signs{1.0, -1.0, 1.0};
      const double* const far[] = {large.data(), large.data(), ones.data()};
      row.assign(row.size(), 0.0);
      kernel->add_columns(signs.data(), far, 3, documents, row.data());
      EXPECT_EQ(row, ones);
    }
  }
}

// Counts with full lanes, part of them and one beside them, against one permutation at a time.
TEST(PermutationKernel, StudentisesAndCountsAsOneByOne) {
  constexpr FixedPoint kSteps{0.125, 0.25};
  constexpr Term kCommon{1.5, -5.0 - 0.25 * 0x1p31};
  constexpr double kWrong = 40.0, kObserved = 0.4, kReach = 0.399;
  Philox random(2, "statistics");
  for (const PermutationKernel* kernel : {&best_permutation_kernel(), &generic_permutation_kernel()}) {
    for (const std::int64_t count : {1, 16, 35}) {
      std::vector<std::uint64_t> totals;
      std::vector<double> sums, squares, exact, maxima;
      for (std::int64_t p = 0; p < count; ++p) {
        const auto sum = static_cast<std::int64_t>(random.below(200)) - 100;
        const auto square = static_cast<std::int64_t>(random.below(400)) + (std::int64_t{1} << 31);
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
