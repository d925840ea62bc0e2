// The loop over atoms of orthogonal matching pursuit against its definition in fp64, on every path.
#include "energy_lens/kernels/torch_free/pursuit_kernel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace energy_lens {
namespace {

class EveryPursuit : public ::testing::TestWithParam<const PursuitKernel* (*)()> {};

struct Given {
  at::Tensor start, gram, coefficients;
  std::vector<std::int64_t> chosen;
};

// Rows of the Gram matrix lie a little further apart than they are long.
Given random_given(std::int64_t padded, std::int64_t count) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(padded + count));
  Given given{at::randn({padded}, generator),
              at::randn({40, padded + kPursuitPadding}, generator),
              at::randn({count}, generator),
              {}};
  for (std::int64_t j = 0; j < count; ++j) given.chosen.push_back(j * 7 % 40);
  return given;
}

PursuitUpdate update_of(const Given& given) {
  return {.start = given.start.const_data_ptr<float>(),
          .gram = given.gram.const_data_ptr<float>(),
          .gram_stride = given.gram.stride(0),
          .chosen = given.chosen.data(),
          .coefficients = given.coefficients.const_data_ptr<float>(),
          .count = static_cast<std::int64_t>(given.chosen.size()),
          .padded = given.start.size(0)};
}

TEST_P(EveryPursuit, SubtractsTheChosenRowsAndFindsTheLargest) {
  for (const std::int64_t padded : {16, 2048, 2064, 4112}) {  // below, at and beyond a stretch
    for (const std::int64_t count : {0, 1, 7, 8, 9, 16, 31}) {
      const Given given = random_given(padded, count);
      at::Tensor correlations = at::empty({padded});
      const LargestCorrelation best = GetParam()()->update(update_of(given), correlations.data_ptr<float>());
      at::Tensor exact = given.start.to(at::kDouble), size = exact.abs();
      for (std::int64_t j = 0; j < count; ++j) {
        const at::Tensor term =
            given.coefficients[j].to(at::kDouble) * given.gram[given.chosen[j]].narrow(0, 0, padded);
        exact = exact - term;
        size = size + term.abs();
      }
      // A product and a sum a term, each rounded by 2^-24 of what has been added up.
      const at::Tensor allowed = size * (2.0 * static_cast<double>(count) * 0x1p-24);
      EXPECT_TRUE(((correlations - exact).abs() <= allowed).all().item<bool>()) << padded << ", " << count;
      EXPECT_EQ(best.atom, correlations.abs().argmax().item<std::int64_t>());
      EXPECT_EQ(best.magnitude, correlations.abs().max().item<float>());
    }
  }
}

TEST_P(EveryPursuit, TheLowestOfEqualsWins) {
  Given given = random_given(4112, 0);
  for (const std::int64_t atom : {37, 38, 2050, 4000}) given.start[atom] = atom % 2 == 0 ? 9.0 : -9.0;
  at::Tensor correlations = at::empty({4112});
  EXPECT_EQ(GetParam()()->update(update_of(given), correlations.data_ptr<float>()).atom, 37);
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryPursuit,
                         ::testing::Values(
                             +[] { return &best_pursuit_kernel(); }, +[] { return &generic_pursuit_kernel(); }),
                         [](const auto& info) { return info.index == 0 ? "Best" : "Generic"; });

}  // namespace
}  // namespace energy_lens
