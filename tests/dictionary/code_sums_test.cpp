#include "energy_lens/dictionary/code_sums.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "energy_lens/dictionary/omp.h"
#include "tests/support/drawn_tensors.h"

namespace energy_lens {
namespace {

using testing::gaussian;
using testing::unit;

// More columns than a block, rows whose support is shorter than the others'.
TEST(CodeSums, EqualDenseProducts) {
  const at::Tensor atoms = unit(gaussian("atoms", {30, 75})), x = gaussian("x", {400, 75});
  SparseCodes codes = omp_encode(x, atoms, {.active = 5});
  codes.atoms.narrow(0, 0, 9).narrow(1, 3, 2).fill_(-1);
  codes.values.narrow(0, 0, 9).narrow(1, 3, 2).zero_();
  at::Tensor dense = at::zeros({400, 30}, at::kDouble);
  for (std::int64_t row = 0; row < 400; ++row) {
    for (std::int64_t i = 0; i < 5; ++i) {
      const auto atom = codes.atoms[row][i].item<std::int64_t>();
      if (atom >= 0) dense[row][atom] = codes.values[row][i].to(at::kDouble);
    }
  }
  const CodeSums sums = code_sums(codes, x, 30);
  EXPECT_LT((sums.codes - at::mm(dense.t(), dense)).abs().max().item<double>(), 1e-10);
  EXPECT_LT((sums.signals - at::mm(dense.t(), x.to(at::kDouble))).abs().max().item<double>(), 1e-10);
  for (std::int64_t k = 0; k < 30; ++k) {
    EXPECT_EQ(sums.uses[k], (codes.atoms == k).sum().item<std::int64_t>()) << k;
  }
}

}  // namespace
}  // namespace energy_lens
