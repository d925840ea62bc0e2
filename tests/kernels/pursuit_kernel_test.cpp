// The loops over atoms of orthogonal matching pursuit against their definitions in fp64, on every path.
#include "energy_lens/kernels/torch_free/pursuit_kernel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace energy_lens {
namespace {

constexpr float kOut = std::numeric_limits<float>::quiet_NaN();

class EveryPursuit : public ::testing::TestWithParam<const PursuitKernel* (*)()> {
 protected:
  const PursuitKernel& kernel() const { return *GetParam()(); }
};

at::Tensor drawn(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed));
}

// Rows [R, padded], split.
struct SplitRows {
  std::vector<std::int16_t> halves;
  std::vector<double> units;
  std::int64_t padded;

  SplitRows(const PursuitKernel& kernel, const at::Tensor& rows)
      : halves(static_cast<std::size_t>(2 * rows.numel())), padded(rows.size(1)) {
    for (std::int64_t j = 0; j < rows.size(0); ++j) {
      std::int16_t* const upper = halves.data() + 2 * j * padded;
      units.push_back(1.0 / (65536.0 * kernel.split(rows[j].const_data_ptr<float>(), padded, upper, upper + padded)));
    }
  }
  SplitRow row(std::int64_t j) const { return {halves.data() + 2 * j * padded, halves.data() + (2 * j + 1) * padded}; }
};

TEST_P(EveryPursuit, SplitRowsHoldTheirEntries) {
  const at::Tensor rows = drawn({3, 192}, 1);
  rows[1][70] = 0.0;
  rows[2] *= 1e-6;
  const SplitRows split(kernel(), rows);
  for (std::int64_t j = 0; j < 3; ++j) {
    for (std::int64_t atom = 0; atom < 192; ++atom) {
      const std::int64_t i = kernel().position(atom);
      const double exact = rows[j][atom].item<double>(), unit = split.units[j];
      EXPECT_NEAR(unit * (65536.0 * split.row(j).upper[i] + split.row(j).lower[i]), exact,
                  0x1p-24 * std::abs(exact) + unit);
      EXPECT_LE(std::abs(65536.0 * unit * split.row(j).upper[i] - exact), 0.501 * 65536.0 * unit);
    }
  }
  std::vector<std::int16_t> upper(64, 7), lower(64, 7);
  EXPECT_EQ(kernel().split(at::zeros({64}).const_data_ptr<float>(), 64, upper.data(), lower.data()), 0.0f);
  EXPECT_EQ(upper, std::vector<std::int16_t>(64));
  EXPECT_EQ(lower, std::vector<std::int16_t>(64));
}

TEST_P(EveryPursuit, SubtractsARow) {
  const at::Tensor rows = drawn({1, 128}, 2), base = drawn({128}, 3), expected = base - 0.7 * rows[0].to(at::kDouble);
  const SplitRows split(kernel(), rows);
  kernel().subtract(split.row(0), static_cast<float>(0.7 * split.units[0]), 128, base.data_ptr<float>());
  // The entry, its number in fp32, the factor, the product and the sum are each rounded by 2^-24.
  EXPECT_LE((base - expected).abs().max().item<double>(), 5 * 0x1p-24 * (rows.abs().max() + 4.0).item<double>());
}

// |base - unit sum weights upper| in fp64, from integers.
at::Tensor exact_magnitudes(const PursuitKernel& kernel, const at::Tensor& base, const SplitRows& rows,
                            const std::vector<int>& weights, double unit) {
  at::Tensor exact = base.to(at::kDouble);
  double* const value = exact.data_ptr<double>();
  for (std::int64_t atom = 0; atom < base.size(0); ++atom) {
    for (std::size_t j = 0; j < weights.size(); ++j) {
      value[atom] -= unit * weights[j] * rows.row(static_cast<std::int64_t>(j)).upper[kernel.position(atom)];
    }
  }
  return exact.abs();
}

struct Screened {
  at::Tensor magnitudes, exact;
  PursuitLargest largest;
};

Screened screen_rows(const PursuitKernel& kernel, const at::Tensor& base, const SplitRows& rows,
                     const std::vector<int>& weights, float unit) {
  std::vector<const std::int16_t*> upper;
  std::vector<std::uint32_t> words((weights.size() + 1) / 2);
  for (std::size_t j = 0; j < weights.size(); ++j) {
    upper.push_back(rows.row(static_cast<std::int64_t>(j)).upper);
    words[j / 2] |= static_cast<std::uint32_t>(static_cast<std::uint16_t>(weights[j])) << 16 * (j % 2);
  }
  if (weights.size() % 2 == 1) upper.push_back(upper.back());
  Screened screened{at::empty_like(base), exact_magnitudes(kernel, base, rows, weights, unit), {}};
  screened.largest = kernel.screen({.base = base.const_data_ptr<float>(),
                                    .upper = upper.data(),
                                    .weights = words.data(),
                                    .pairs = static_cast<std::int64_t>(words.size()),
                                    .padded = base.size(0),
                                    .unit = unit},
                                   screened.magnitudes.data_ptr<float>());
  return screened;
}

TEST_P(EveryPursuit, ScreensEveryAtomAndFindsTheTwoLargest) {
  for (const std::int64_t padded : {64, 320, 4160}) {
    const at::Tensor base = drawn({padded}, 4);
    const SplitRows rows(kernel(), drawn({9, padded}, 5));
    for (const std::size_t count : {0, 1, 2, 5, 9}) {
      std::vector<int> weights{-32767, 12000, 9000, -7000, 4000, 300, -200, 20, 1};
      weights.resize(count);
      const Screened screened = screen_rows(kernel(), base, rows, weights, 1e-9f);
      // Sums of integers are exact; their number in fp32, the product and the difference are rounded.
      EXPECT_TRUE(at::allclose(screened.magnitudes.to(at::kDouble), screened.exact, 0.0, 1e-6)) << padded << count;
      const auto [two, atoms] = screened.magnitudes.topk(2);
      EXPECT_EQ(screened.largest.first, two[0].item<float>());
      EXPECT_EQ(screened.largest.second, two[1].item<float>());
      EXPECT_EQ(screened.largest.atom, atoms[0].item<std::int64_t>());
    }
  }
}

// 65,500 times the largest entry of 16 bits is the most that sums may reach.
TEST_P(EveryPursuit, LargeWeightsDoNotOverflow) {
  const SplitRows rows(kernel(), at::ones({2, 64}));
  const Screened screened = screen_rows(kernel(), at::zeros({64}), rows, {32750, 32750}, 1.0f);
  EXPECT_TRUE(at::allclose(screened.magnitudes.to(at::kDouble), screened.exact, 1e-6));
}

TEST_P(EveryPursuit, AtomsOutOfQuestionAreNeverLargest) {
  const at::Tensor base = drawn({128}, 6);
  for (const std::int64_t atom : {0, 17, 33, 127}) base[atom] = kOut;
  const SplitRows rows(kernel(), drawn({1, 128}, 7));
  const Screened screened = screen_rows(kernel(), base, rows, {100}, 1e-6f);
  const at::Tensor numbers = screened.magnitudes.nan_to_num(-1.0);
  EXPECT_EQ(screened.largest.first, numbers.max().item<float>());
  EXPECT_EQ(screened.largest.atom, numbers.argmax().item<std::int64_t>());
  std::vector<std::int64_t> found(128);
  EXPECT_EQ(kernel().find(screened.magnitudes.const_data_ptr<float>(), 128, 0.0f, found.data()), 124);
  const Screened none = screen_rows(kernel(), at::full({128}, kOut), rows, {100}, 1e-6f);
  EXPECT_EQ(none.largest.first, 0.0f);
}

TEST_P(EveryPursuit, EqualsAreSeenAndFoundInOrder) {
  const SplitRows rows(kernel(), drawn({1, 320}, 8));
  for (const std::int64_t other : {38, 37 + 16, 37 + 64, 319}) {
    const at::Tensor base = at::zeros({320});
    base[37] = -9.0;
    base[other] = 9.0;
    const Screened screened = screen_rows(kernel(), base, rows, {0}, 0.0f);
    EXPECT_EQ(screened.largest.second, 9.0f) << other;
    std::vector<std::int64_t> found(320);
    ASSERT_EQ(kernel().find(screened.magnitudes.const_data_ptr<float>(), 320, 9.0f, found.data()), 2);
    EXPECT_EQ(found[0], 37);
    EXPECT_EQ(found[1], other);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryPursuit,
                         ::testing::Values(
                             +[] { return &best_pursuit_kernel(); }, +[] { return &generic_pursuit_kernel(); }),
                         [](const auto& info) { return info.index == 0 ? "Best" : "Generic"; });

}  // namespace
}  // namespace energy_lens
