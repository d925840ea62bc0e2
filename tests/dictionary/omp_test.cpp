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

TEST(Omp, RecoversEverySupportBelowTheCoherenceBound) {
  const at::Tensor atoms = identity_and_hadamard();
  for (std::uint64_t trial = 0; trial < 150; ++trial) {
    Philox random(1, "support", trial);
    const auto size = static_cast<std::int64_t>(1 + random.below(8));
    std::set<std::int64_t> support;
    while (static_cast<std::int64_t>(support.size()) < size)
      support.insert(static_cast<std::int64_t>(random.below(512)));
    at::Tensor x = at::zeros({1, 256});
    for (const std::int64_t k : support)
      x[0] += atoms[k] * (random.normal() > 0 ? 1.0 : -1.0) * (0.5 + random.uniform());
    const SparseCodes codes = omp_encode(x, atoms, {.active = 8});
    std::set<std::int64_t> found;
    for (std::int64_t s = 0; s < 8; ++s) {
      if (codes.atoms[0][s].item<std::int64_t>() >= 0) found.insert(codes.atoms[0][s].item<std::int64_t>());
    }
    EXPECT_EQ(found, support) << "trial " << trial;
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
