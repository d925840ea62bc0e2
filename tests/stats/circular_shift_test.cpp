#include "energy_lens/stats/circular_shift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "tests/support/ks.h"

namespace energy_lens {
namespace {

using Series = std::vector<double>;  // [D, T]

// The definition: turn s, multiply, studentise.
double shifted_statistic(const Series& a, const Series& s, std::int64_t tokens,
                         const std::vector<std::int64_t>& shifts) {
  double sum = 0.0, squares = 0.0;
  for (std::size_t d = 0; d < shifts.size(); ++d) {
    double c = 0.0;
    for (std::int64_t t = 0; t < tokens; ++t) c += a[d * tokens + t] * s[d * tokens + (t + shifts[d]) % tokens];
    sum += c;
    squares += c * c;
  }
  return squares == 0.0 ? 0.0 : sum / std::sqrt(squares);
}

// Autoregressive on a circle of T tokens: stationary under every shift, so the test of it is exact. Demeaned.
void fill_circular(Philox& random, double phi, std::span<double> x) {
  Series noise(x.size());
  for (double& value : noise) value = random.normal();
  double state = 0.0, mean = 0.0;
  for (const double value : noise) state = phi * state + value;
  state /= 1.0 - std::pow(phi, static_cast<double>(x.size()));  // the state that comes round to itself
  for (std::size_t t = 0; t < x.size(); ++t) x[t] = state = phi * state + noise[t];
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (double& value : x) value -= mean;
}

Series circular_series(std::uint64_t seed, std::int64_t documents, std::int64_t tokens, double phi) {
  Series x(static_cast<std::size_t>(documents * tokens));
  for (std::int64_t d = 0; d < documents; ++d) {
    Philox random(seed, "circular", static_cast<std::uint64_t>(d));
    fill_circular(random, phi, std::span<double>(x).subspan(d * tokens, tokens));
  }
  return x;
}

TEST(CircularShift, EqualsBruteForce) {
  constexpr std::int64_t kShifts = 199;
  for (const auto& [documents, tokens] : {std::array{1, 5}, {2, 1}, {7, 13}, {9, 32}}) {
    const CircularShifts shifts = circular_shifts(documents, tokens, kShifts, 3);
    const Series a = circular_series(1, documents, tokens, 0.5);
    Series s = circular_series(2, documents, tokens, 0.5);
    for (std::size_t i = 0; i < s.size(); ++i) s[i] += 0.3 * a[i];
    const ShiftTest test = circular_shift_test(a, s, shifts);
    std::vector<std::int64_t> by(documents, 0);
    const double observed = shifted_statistic(a, s, tokens, by);
    EXPECT_NEAR(test.statistic, observed, 1e-10);
    double reached = 1.0;
    for (std::int64_t p = 0; p < kShifts; ++p) {
      for (std::int64_t d = 0; d < documents; ++d) by[d] = shifts.index[d * kShifts + p];
      reached += std::abs(shifted_statistic(a, s, tokens, by)) >= std::abs(observed) * (1.0 - 1e-10);
    }
    EXPECT_DOUBLE_EQ(test.p, reached / (kShifts + 1.0)) << documents << " x " << tokens;
  }
}

TEST(CircularShift, DrawsEveryShiftOfEveryDocumentAlike) {
  constexpr std::int64_t kDocuments = 3, kTokens = 7, kShifts = 7000;
  const CircularShifts shifts = circular_shifts(kDocuments, kTokens, kShifts, 1);
  for (std::int64_t d = 0; d < kDocuments; ++d) {
    std::array<int, kTokens> counts{};
    for (std::int64_t p = 0; p < kShifts; ++p) ++counts[shifts.of(d)[p]];
    for (const int count : counts) EXPECT_NEAR(count, 1000, 117);  // 4 standard deviations of Binomial(7000, 1/7)
  }
  // More shifts are more of the same, and other documents do not change a document's.
  const CircularShifts fewer = circular_shifts(2, kTokens, 100, 1);
  for (std::int64_t p = 0; p < 100; ++p) EXPECT_EQ(fewer.of(1)[p], shifts.of(1)[p]);
}

TEST(CircularShift, GivesUniformPValuesWhereSeriesAreStationaryOnTheCircle) {
  constexpr std::int64_t kDocuments = 12, kTokens = 48;
  std::vector<double> p;
  for (std::uint64_t study = 0; study < 600; ++study) {
    p.push_back(circular_shift_test(circular_series(2 * study, kDocuments, kTokens, 0.9),
                                    circular_series(2 * study + 1, kDocuments, kTokens, 0.9),
                                    circular_shifts(kDocuments, kTokens, 199, study))
                    .p);
  }
  EXPECT_GT(testing::ks_uniform(p).p, 0.01);
  const auto rejected = std::ranges::count_if(p, [](double value) { return value <= 0.05; });
  EXPECT_GE(rejected, 14);  // Binomial(600, .05): 14 to 48 with probability .998
  EXPECT_LE(rejected, 48);
}

TEST(CircularShift, FindsAPlantedCorrelationOfEitherSign) {
  const Series a = circular_series(5, 40, 64, 0.9), noise = circular_series(6, 40, 64, 0.9);
  const CircularShifts shifts = circular_shifts(40, 64, 999, 0);
  for (const double rho : {0.3, -0.3}) {
    Series s = noise;
    for (std::size_t i = 0; i < s.size(); ++i) s[i] = rho * a[i] + std::sqrt(1.0 - rho * rho) * s[i];
    const ShiftTest test = circular_shift_test(a, s, shifts);
    EXPECT_LE(test.p, 0.01);
    EXPECT_EQ(test.statistic > 0.0, rho > 0.0);
  }
}

TEST(CircularShift, OfNothingIsNotSignificant) {
  const Series zero(24, 0.0), some = circular_series(1, 3, 8, 0.0);
  const ShiftTest test = circular_shift_test(zero, some, circular_shifts(3, 8, 99, 0));
  EXPECT_EQ(test.statistic, 0.0);
  EXPECT_EQ(test.p, 1.0);
}

TEST(CircularShift, RefusesSizesItCannotShift) {
  EXPECT_THROW(circular_shifts(0, 8, 99, 0), Error);
  EXPECT_THROW(circular_shifts(3, 0, 99, 0), Error);
  EXPECT_THROW(circular_shifts(3, 65537, 99, 0), Error);
  EXPECT_THROW(circular_shifts(3, 8, 0, 0), Error);
}

}  // namespace
}  // namespace energy_lens
