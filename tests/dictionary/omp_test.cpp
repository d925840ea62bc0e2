#include "energy_lens/dictionary/omp.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "tests/support/drawn_tensors.h"

namespace energy_lens {
namespace {

using testing::gaussian;
using testing::unit;

// [I ; Hadamard / 16] in 256 dimensions: coherence exactly 1/16, so every support of up to 8 atoms is recovered.
at::Tensor identity_and_hadamard() {
  at::Tensor h = at::ones({1, 1});
  while (h.size(0) < 256) h = at::cat({at::cat({h, h}, 1), at::cat({h, -h}, 1)}, 0);
  return at::cat({at::eye(256), h / 16.0}, 0);
}

// Signals on drawn supports of `size` atoms, coefficients of either sign and of size uniform in smallest..smallest + 1.
struct Supports {
  at::Tensor x;  // [count, 256]
  std::vector<std::set<std::int64_t>> truth;
};

Supports signals_on_supports(const at::Tensor& atoms, std::int64_t count, std::size_t size, double smallest) {
  Supports drawn{at::zeros({count, 256}), {}};
  for (std::int64_t n = 0; n < count; ++n) {
    Philox random(size, "support", static_cast<std::uint64_t>(n));
    std::set<std::int64_t> support;
    while (support.size() < size) support.insert(static_cast<std::int64_t>(random.below(512)));
    for (const std::int64_t k : support) {
      drawn.x[n] += atoms[k] * (random.below(2) == 0 ? 1.0 : -1.0) * (smallest + random.uniform());
    }
    drawn.truth.push_back(support);
  }
  return drawn;
}

std::set<std::int64_t> support_of(const SparseCodes& codes, std::int64_t row) {
  std::set<std::int64_t> found;
  for (std::int64_t s = 0; s < codes.atoms.size(1); ++s) {
    if (codes.atoms[row][s].item<std::int64_t>() >= 0) found.insert(codes.atoms[row][s].item<std::int64_t>());
  }
  return found;
}

TEST(Omp, RecoversEverySupportBelowTheCoherenceBound) {
  const at::Tensor atoms = identity_and_hadamard();
  for (std::size_t size = 1; size <= 8; ++size) {
    const Supports drawn = signals_on_supports(atoms, 150, size, 0.5);
    const SparseCodes codes = omp_encode(drawn.x, atoms, {.active = 8});
    for (std::int64_t n = 0; n < 150; ++n) EXPECT_EQ(support_of(codes, n), drawn.truth[n]) << size << " atoms, " << n;
  }
}

// Far beyond the bound, where pursuit may go wrong: 60 atoms come back about seven times in ten (106 of 150 with a
// least-squares pursuit in numpy), three standard errors either way, and go wrong where the reference does.
TEST(Omp, RecoversMostSupportsOfSixtyAtoms) {
  const at::Tensor atoms = identity_and_hadamard();
  const Supports drawn = signals_on_supports(atoms, 150, 60, 1.0);
  const SparseCodes codes = omp_encode(drawn.x, atoms, {.active = 60});
  int exact = 0;
  for (std::int64_t n = 0; n < 150; ++n) exact += support_of(codes, n) == drawn.truth[n];
  EXPECT_NEAR(exact / 150.0, 0.7, 3.0 * std::sqrt(0.7 * 0.3 / 150.0));
  for (std::int64_t n = 0; n < 10; ++n) {
    EXPECT_EQ(support_of(codes, n), support_of(omp_reference(drawn.x[n], atoms, 60), 0)) << n;
  }
}

TEST(Omp, EqualsTheLeastSquaresReference) {
  const at::Tensor atoms = unit(gaussian("atoms", {60, 24})), x = gaussian("x", {100, 24});
  const SparseCodes codes = omp_encode(x, atoms, {.active = 6});
  for (std::int64_t row = 0; row < 100; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 6);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
    EXPECT_LT((codes.values[row] - reference.values[0]).abs().max().item<float>(), 1e-4);
  }
}

TEST(Omp, NeitherSplitsNorThreadsChangeABit) {
  const at::Tensor atoms = unit(gaussian("atoms", {60, 24})), x = gaussian("x", {200, 24});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const SparseCodes one = omp_encode(x, atoms, {.active = 5});
  at::set_num_threads(2);
  const SparseCodes two = omp_encode(x, atoms, {.active = 5});
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.values, two.values) && at::equal(one.atoms, two.atoms));
  const SparseCodes part = omp_encode(x.narrow(0, 100, 7), atoms, {.active = 5});
  EXPECT_TRUE(at::equal(part.values, one.values.narrow(0, 100, 7)));
}

TEST(Omp, PassesOverAtomsThatAddNothingAndStopsAtRounding) {
  at::Tensor atoms = unit(gaussian("atoms", {6, 4}));
  atoms[1] = atoms[0];
  atoms[2] = unit(atoms[0] + 1e-4 * atoms[3]);
  const SparseCodes codes = omp_encode(gaussian("x", {50, 4}), atoms, {.active = 6});
  EXPECT_TRUE(at::isfinite(codes.values).all().item<bool>());
  for (std::int64_t row = 0; row < 50; ++row) {
    const auto used = codes.atoms[row].masked_select(codes.atoms[row] >= 0);
    EXPECT_FALSE((used == 0).any().item<bool>() && (used == 1).any().item<bool>());
  }
  const SparseCodes zero = omp_encode(at::zeros({2, 4}), atoms, {.active = 3});
  EXPECT_TRUE((zero.atoms == -1).all().item<bool>());
}

TEST(Omp, RefusesBadInput) {
  const at::Tensor atoms = unit(gaussian("atoms", {6, 4}));
  at::Tensor x = gaussian("x", {5, 4});
  EXPECT_THROW(omp_encode(x, atoms, {.active = 7}), Error);
  EXPECT_THROW(omp_encode(x.narrow(1, 0, 3), atoms), Error);
  x[3][1] = std::nan("");
  try {
    omp_encode(x, atoms, {.active = 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("row 3 holds NaN"), std::string::npos);
  }
}

// A size that fills no tile and no block, more atoms than dimensions, deep supports: every path of the fused pass.
TEST(Omp, EqualsTheReferenceForDeepSupportsAndOddSizes) {
  const at::Tensor atoms = unit(gaussian("deep", {301, 40})), x = gaussian("deep x", {67, 40});
  const SparseCodes codes = omp_encode(x, atoms, {.active = 20});
  for (std::int64_t row = 0; row < 67; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 20);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
    EXPECT_LT((codes.values[row] - reference.values[0]).abs().max().item<float>(), 1e-3);
  }
}

// Pairs of atoms much closer to one another than correlations are to the next ones.
TEST(Omp, ChoosesBetweenNeighbours) {
  const at::Tensor one = unit(gaussian("pairs", {600, 64})), x = gaussian("pairs x", {60, 64});
  const at::Tensor other = unit(one + 3e-3 * unit(gaussian("apart", {600, 64})));
  const at::Tensor atoms = at::cat({one, other}, 0);
  const SparseCodes codes = omp_encode(x, atoms, {.active = 12});
  for (std::int64_t row = 0; row < 60; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 12);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
  }
}

// Once the planted atoms are found, what is left is smaller than the error of 16 bits of the Gram matrix.
TEST(Omp, EqualsTheReferenceWhereLittleIsLeft) {
  const at::Tensor atoms = unit(gaussian("little", {400, 64})), noise = gaussian("little noise", {40, 64});
  at::Tensor x = 1e-3 * noise;
  for (std::int64_t row = 0; row < 40; ++row) x[row] += atoms[row] + 0.8 * atoms[row + 40] - 0.6 * atoms[399 - row];
  const SparseCodes codes = omp_encode(x, atoms, {.active = 9});
  for (std::int64_t row = 0; row < 40; ++row) {
    const SparseCodes reference = omp_reference(x[row], atoms, 9);
    EXPECT_TRUE(at::equal(codes.atoms[row], reference.atoms[0])) << row;
    EXPECT_LT((codes.values[row] - reference.values[0]).abs().max().item<float>(), 1e-5);
  }
}

TEST(Omp, TiesGoToTheLowerAtom) {
  const at::Tensor atoms = at::cat({at::eye(200), at::eye(200)}, 0);
  const SparseCodes codes = omp_encode(at::ones({1, 200}), atoms, {.active = 200});
  EXPECT_TRUE(at::equal(codes.atoms[0], at::arange(200)));
}

TEST(Omp, StopsAtTheFirstSupportWithinTheTolerance) {
  const at::Tensor atoms = unit(gaussian("tolerance", {80, 24})), x = gaussian("tolerance x", {40, 24});
  const SparseCodes all = omp_encode(x, atoms, {.active = 20});
  const SparseCodes part = omp_encode(x, atoms, {.active = 20, .tolerance = 0.3});
  const auto left = [&](std::int64_t row, std::int64_t size) {
    return (x[row] - at::mv(atoms.index_select(0, all.atoms[row].narrow(0, 0, size)).t(),
                            omp_reference(x[row], atoms, size).values[0]))
        .norm()
        .item<double>();
  };
  for (std::int64_t row = 0; row < 40; ++row) {
    const auto size = (part.atoms[row] >= 0).sum().item<std::int64_t>();
    ASSERT_GE(size, 1);
    EXPECT_LE(left(row, size), 0.3 * x[row].norm().item<double>());
    if (size > 1) {
      EXPECT_GT(left(row, size - 1), 0.3 * x[row].norm().item<double>());
    }
  }
}

}  // namespace
}  // namespace energy_lens
