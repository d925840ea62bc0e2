#include "energy_lens/dictionary/split_gram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/drawn_tensors.h"

namespace energy_lens {
namespace {

using testing::gaussian;
using testing::unit;

// More atoms than a block of columns, and not a multiple of one.
TEST(SplitGram, HoldsTheProductsOfAllPairs) {
  constexpr std::int64_t kAtoms = 530, kPadded = 576;
  at::Tensor atoms = at::zeros({kPadded, 20});
  atoms.narrow(0, 0, kAtoms).copy_(unit(gaussian("gram", {kAtoms, 20})));
  atoms[7] *= 3.0;
  const SplitGram gram(atoms, kAtoms);
  const at::Tensor exact = at::mm(atoms.to(at::kDouble), atoms.to(at::kDouble).t());
  EXPECT_EQ(gram.count(), kAtoms);
  EXPECT_EQ(gram.padded(), kPadded);
  EXPECT_NEAR(gram.longest(), 3.0, 1e-6);
  at::Tensor held = at::zeros({kAtoms, kPadded}, at::kDouble);
  for (std::int64_t i = 0; i < kAtoms; ++i) {
    for (std::int64_t j = 0; j < kPadded; ++j) {
      held[i].data_ptr<double>()[j] = gram.entry(i, best_pursuit_kernel().position(j));
    }
    EXPECT_EQ(held[i].data_ptr<double>()[i], 0.0);
    held[i].data_ptr<double>()[i] = gram.square(i);
  }
  // Twenty products and sums of numbers up to 1 (9 with the long atom) in fp32, and the halves' 2^-31.
  EXPECT_LT((held - exact.narrow(0, 0, kAtoms)).abs().max().item<double>(), 9.0 * 21 * 0x1p-24);
  EXPECT_EQ(held.narrow(1, kAtoms, kPadded - kAtoms).abs().max().item<double>(), 0.0);
}

}  // namespace
}  // namespace energy_lens
