// Which copy of each kernel runs.
#include <gtest/gtest.h>

#include <string>

#include "energy_lens/kernels/torch_free/lens_tiles.h"
#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/kernels/torch_free/pursuit_kernel.h"
#include "energy_lens/kernels/torch_free/row_kernels.h"

namespace energy_lens {
namespace {

TEST(InstructionSet, AllKernelsAgreeOnIt) {
  const std::string rows = best_row_kernels().name;
  EXPECT_EQ(best_pursuit_kernel().name, rows);
  EXPECT_EQ(best_permutation_kernel().name, rows);
  EXPECT_EQ(best_lens_tiles(false, LensRounding::None).name, rows);
}

#ifdef ENERGY_LENS_GENERIC_KERNELS
TEST(InstructionSet, NoneIsUsedWherePlainCodeIsAskedFor) {
  EXPECT_STREQ(best_permutation_kernel().name, generic_permutation_kernel().name);
  EXPECT_STREQ(best_pursuit_kernel().name, generic_pursuit_kernel().name);
  EXPECT_STREQ(best_row_kernels().name, generic_row_kernels().name);
  EXPECT_STREQ(best_lens_tiles(true, LensRounding::None).name, generic_lens_tiles().name);
}
#endif

}  // namespace
}  // namespace energy_lens
